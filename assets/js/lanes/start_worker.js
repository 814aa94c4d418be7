// Starts the Worker of the lanes.
import { startWorkerOf } from "../worker.js";

const FFT = "vendor/kissfft-wasm/kissfft.js";

/** Reads the FFT's WebAssembly: from the page's own address, unless an exported page carries it. */
let readWasm = async () => {
  const answer = await fetch(new URL("../../vendor/kissfft-wasm/kissfft.wasm", import.meta.url));
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
};

/** @param {() => Promise<Uint8Array<ArrayBuffer>>} read */
export function carryFft(read) {
  readWasm = read;
}

/**
 * A Worker that takes Pieces; rejects where the browser can start none.
 * @returns {Promise<Worker>}
 */
export async function startWorker() {
  const worker = startWorkerOf(["js/lanes/worker.js", FFT], "([worker, fft]) => worker.serve(self, fft.default)");
  await answerOf(worker); // it has started
  const wasm = await readWasm();
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
