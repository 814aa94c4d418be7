// What the Worker does: it reads the model once, then separates one song after another, or a stream.
import { openNetwork } from "./network.js";
import { separate } from "./separate.js";
import { StemFile } from "./stems.js";
import { Stream } from "../live/stream.js";

/**
 * Reports that it has started, then answers "load" with "ready", "separate" with "progress" and "stems", and "stream" with
 * "streaming"; any of them with "failed".
 * @param {{postMessage: (answer: Answer) => void, onmessage: unknown}} port
 * @param {OnnxRuntime} ort @param {(options: object) => Promise<KissFft>} createKissFft
 */
export function serve(port, ort, createKissFft) {
  /** @type {{model: ModelSettings, network: Network, kiss: KissFft}} */
  let loaded;
  /** @type {Stream | null} */
  let stream = null;
  const fail = (/** @type {unknown} */ error) =>
    port.postMessage({ kind: "failed", reason: String(error instanceof Error ? error.message : error) });
  port.onmessage = async (/** @type {MessageEvent<Order>} */ { data }) => {
    try {
      if (data.kind === "load") {
        const { model, onnx, runtime, fft } = data;
        const kiss = await createKissFft({ wasmBinary: fft, locateFile: (/** @type {string} */ name) => name });
        loaded = { model, kiss, network: await openNetwork(ort, runtime, onnx, model) };
        port.postMessage({ kind: "ready" });
      } else if (data.kind === "separate") {
        const report = (/** @type {number} */ share) => port.postMessage({ kind: "progress", share });
        port.postMessage({ kind: "stems", stems: await makeStems(loaded, data, report) });
      } else {
        stream?.close();
        stream = null;
        if (data.kind === "end_stream") return;
        const opened = new Stream(loaded, data, fail);
        stream = opened;
        await opened.open();
        if (stream !== opened) return; // it was ended meanwhile
        const { store, channels, separator } = opened;
        port.postMessage({ kind: "streaming", store, channels, latency: separator.latency });
      }
    } catch (error) {
      fail(error);
    }
  };
  port.postMessage({ kind: "started" });
}

/**
 * A WAV file for each stem. @param {{model: ModelSettings, network: Network, kiss: KissFft}} loaded
 * @param {{channels: Float32Array[], rate: number}} song @param {(share: number) => void} report
 */
async function makeStems({ model, network, kiss }, { channels, rate }, report) {
  const files = model.stems.map(() => new StemFile(channels.length, rate));
  for await (const parts of separate(channels, rate, model, network, kiss, report))
    parts.forEach((part, n) => files[n].write(part));
  const stems = [];
  for (const [n, file] of files.entries()) stems.push({ kind: model.stems[n], wav: await file.close() });
  return stems;
}
