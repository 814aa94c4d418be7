// Starts the Worker of the lanes: from the page's own addresses, or, in an exported page, from what the page carries.

/** @typedef {{start: () => Worker, readWasm: () => Promise<Uint8Array>}} Source of the Worker, and of its FFT */

/** @type {Source} */
let source = {
  start: () => {
    const addresses = ["./worker.js", "../../vendor/kissfft-wasm/kissfft.js"];
    const [worker, fft] = addresses.map((path) => JSON.stringify(new URL(path, import.meta.url).href));
    const script = `
      Promise.all([import(${worker}), import(${fft})]).then(
        ([worker, fft]) => worker.serve(self, fft.default),
        (error) => postMessage({ kind: "failed", reason: String(error) }),
      );`;
    return new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  },
  readWasm: async () => {
    const answer = await fetch(new URL("../../vendor/kissfft-wasm/kissfft.wasm", import.meta.url));
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  },
};

/** @param {Source} other */
export function useSource(other) {
  source = other;
}

/**
 * A Worker that takes Pieces; rejects where the browser can start none.
 * @returns {Promise<Worker>}
 */
export async function startWorker() {
  const worker = source.start();
  await answerOf(worker); // it has started
  const wasm = await source.readWasm();
  worker.postMessage({ wasm });
  await answerOf(worker); // it has the FFT
  return worker;
}

/** @param {Worker} worker */
const answerOf = (worker) =>
  new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }) => (data.kind === "failed" ? reject(new Error(data.reason)) : resolve(null));
  });
