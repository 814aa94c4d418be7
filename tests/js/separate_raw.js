// Separates raw songs as an exported page does, in node: for tests/separator/export/test_page_signal.py.
// node separate_raw.js FOLDER: settings.json, model.onnx and cases.json in it; each case's stems go to its `out`.
// A case with a delay is a stream, in blocks of 1024 samples.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openNetwork } from "../../assets/js/export/network.js";
import { separate } from "../../assets/js/export/separate.js";
import { LiveSeparator } from "../../assets/js/live/separator.js";
import createKissFft from "../../assets/vendor/kissfft-wasm/kissfft.js";
import * as ort from "../../assets/vendor/onnxruntime-web/ort.wasm.bundle.min.mjs";

const read = (name) => readFileSync(join(process.argv[2], name));
const settings = JSON.parse(read("settings.json"));
const wasm = new URL("../../assets/vendor/onnxruntime-web/ort-wasm-simd-threaded.wasm", import.meta.url);
const kiss = await createKissFft();
const network = await openNetwork(ort, readFileSync(wasm), read("model.onnx"), settings);

/** Parts of a stream's stems. */
async function* stream(mixture, rate, delay) {
  const live = new LiveSeparator(settings, network, kiss, { rate, channels: mixture.length, delay });
  for (let at = 0; at < mixture[0].length; at += 1024)
    yield live.push(mixture.map((channel) => channel.slice(at, at + 1024)));
  live.close();
}

for (const { song, channels, rate, out, delay } of JSON.parse(read("cases.json"))) {
  const samples = new Float32Array(Uint8Array.from(read(song)).buffer);
  const length = samples.length / channels;
  const mixture = Array.from({ length: channels }, (_, c) => samples.slice(c * length, (c + 1) * length));
  const stems = settings.stems.map(() => mixture.map(() => new Float32Array(length)));
  let done = 0;
  const whole = () => separate(mixture, rate, settings, network, kiss, () => {});
  for await (const parts of delay ? stream(mixture, rate, delay) : whole()) {
    parts.forEach((part, s) => part.forEach((values, c) => stems[s][c].set(values, done)));
    done += parts[0][0].length;
  }
  writeFileSync(join(process.argv[2], out), Buffer.concat(stems.flat().map((stem) => Buffer.from(stem.buffer))));
}
