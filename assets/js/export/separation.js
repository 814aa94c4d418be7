// The page's side of the Worker: one song at a time, which can be stopped.

import { startWorkerOf } from "../worker.js";

const RUNTIME = "vendor/onnxruntime-web/ort.wasm.bundle.min.mjs";
const FFT = "vendor/kissfft-wasm/kissfft.js";

export class Separation {
  /** @type {((answer: Answer) => void) | null} */ answered = null;

  /** @param {ModelSettings} model */
  constructor(model) {
    this.model = model;
    const [onnx, runtime, fft] = ["sori-onnx", "sori-runtime", "sori-fft"].map(readPayload);
    this.payload = Promise.all([onnx, runtime, fft]);
    /** The FFT's WebAssembly, which spectrograms need too. */
    this.fft = fft;
    this.restart();
  }

  /** Ends what is being separated, which then never resolves, and reads the model anew. */
  restart() {
    this.worker?.terminate();
    const paths = ["js/export/worker.js", RUNTIME, FFT];
    const worker = startWorkerOf(paths, "([worker, ort, fft]) => worker.serve(self, ort, fft.default)");
    this.worker = worker;
    worker.onmessage = ({ data }) => this.answered?.(data);
    worker.onerror = (event) => this.answered?.({ kind: "failed", reason: event.message });
    this.loaded = this.load();
    this.loaded.catch(() => {}); // whoever separates awaits it
  }

  async load() {
    const { worker } = this;
    await this.answer(); // it has started
    const [onnx, runtime, fft] = await this.payload;
    if (worker !== this.worker) return; // another one has taken its place meanwhile
    await this.ask({ kind: "load", model: this.model, onnx, runtime, fft }, []);
  }

  /**
   * Stems as WAV files. Rejects with an Error that gives the reason.
   * @param {{channels: Float32Array[], rate: number}} song given away @param {(share: number) => void} progress
   */
  async separate({ channels, rate }, progress) {
    await this.loaded;
    const buffers = channels.map((samples) => samples.buffer);
    const answer = await this.ask({ kind: "separate", channels, rate }, buffers, progress);
    return /** @type {Extract<Answer, {kind: "stems"}>} */ (answer).stems;
  }

  /**
   * Lets stems of a stream be made: chunks come in and go out by the port. `latency` and `store` are samples.
   * @param {{port: MessagePort, rate: number, delay: Seconds}} stream
   * @param {(reason: string) => void} fail called where it breaks off
   */
  async stream({ port, rate, delay }, fail) {
    await this.loaded;
    const answer = await this.ask({ kind: "stream", port, rate, delay }, [port]);
    this.answered = (later) => later.kind === "failed" && fail(later.reason);
    return /** @type {Extract<Answer, {kind: "streaming"}>} */ (answer);
  }

  endStream() {
    this.worker?.postMessage({ kind: "end_stream" });
  }

  /**
   * @param {Order} order @param {Transferable[]} given @param {(share: number) => void} [progress]
   * @returns {Promise<Answer>}
   */
  ask(order, given, progress) {
    const answer = this.answer(progress);
    this.worker?.postMessage(order, given);
    return answer;
  }

  /** The Worker's next answer. @param {(share: number) => void} [progress] @returns {Promise<Answer>} */
  answer(progress) {
    return new Promise((resolve, reject) => {
      this.answered = (answer) => {
        if (answer.kind === "progress") progress?.(answer.share);
        else if (answer.kind === "failed") reject(new Error(answer.reason));
        else resolve(answer);
      };
    });
  }
}

/**
 * What the page carries: bytes as base64 of gzip, in a script element that no browser runs.
 * @param {string} id of the element, which is emptied
 */
async function readPayload(id) {
  const element = /** @type {HTMLElement} */ (document.getElementById(id));
  const packed = await fetch(`data:application/octet-stream;base64,${element.textContent}`);
  element.textContent = "";
  const unpacked = /** @type {ReadableStream} */ (packed.body).pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}
