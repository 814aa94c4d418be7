// Separates raw songs as an exported page does, in node: for tests/separator/export/test_page_signal.py.
// node separate_raw.js FOLDER: settings.json, model.onnx and cases.json in it; each case's stems go to its `out`.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openNetwork } from "../../assets/js/export/network.js";
import { separate } from "../../assets/js/export/separate.js";
import createKissFft from "../../assets/vendor/kissfft-wasm/kissfft.js";
import * as ort from "../../assets/vendor/onnxruntime-web/ort.wasm.bundle.min.mjs";

const read = (name) => readFileSync(join(process.argv[2], name));
const settings = JSON.parse(read("settings.json"));
const wasm = new URL("../../assets/vendor/onnxruntime-web/ort-wasm-simd-threaded.wasm", import.meta.url);
const kiss = await createKissFft();
const network = await openNetwork(ort, readFileSync(wasm), read("model.onnx"), settings);

for (const { song, channels, rate, out } of JSON.parse(read("cases.json"))) {
  const samples = new Float32Array(Uint8Array.from(read(song)).buffer);
  const length = samples.length / channels;
  const mixture = Array.from({ length: channels }, (_, c) => samples.slice(c * length, (c + 1) * length));
  const stems = settings.stems.map(() => mixture.map(() => new Float32Array(length)));
  let done = 0;
  for await (const parts of separate(mixture, rate, settings, network, kiss, () => {})) {
    parts.forEach((part, s) => part.forEach((values, c) => stems[s][c].set(values, done)));
    done += parts[0][0].length;
  }
  writeFileSync(join(process.argv[2], out), Buffer.concat(stems.flat().map((stem) => Buffer.from(stem.buffer))));
}
