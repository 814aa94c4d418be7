import assert from "node:assert/strict";
import test from "node:test";
import { readSampleRate } from "../../assets/js/export/decode.js";
import { expand } from "../../assets/js/export/expander.js";
import { gridAtRate, movingAverage, normalizeMasks, round } from "../../assets/js/export/grid.js";
import { levelsOf } from "../../assets/js/export/levels.js";
import { cut, segmentSamples, segmentWeights } from "../../assets/js/export/segments.js";
import { StemFile } from "../../assets/js/export/stems.js";
import { countFrames, Stft } from "../../assets/js/export/stft.js";
import createKissFft from "../../assets/vendor/kissfft-wasm/kissfft.js";

const MODEL = { sample_rate: 22050, n_fft: 1024, hop_length: 256 };
const SEGMENTATION = { hop: 64, context: 16, lookahead: 16, fade: 8 };
const kiss = await createKissFft();

/** White noise between -0.5 and 0.5, the same every time. */
function noise(samples) {
  let state = 1;
  return Float32Array.from({ length: samples }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

for (const [samples, size, hop] of [
  [5000, 1024, 256],
  [5001, 744, 186],
  [100, 1024, 256],
  [1, 64, 32],
]) {
  test(`${samples} samples come back from frames of ${size}`, () => {
    const stft = new Stft(kiss, size, hop);
    const wave = noise(samples);
    const spectrogram = stft.forward(wave);
    assert.equal(spectrogram.length, countFrames(samples, hop) * (size / 2 + 1) * 2);
    const back = stft.inverse(spectrogram, samples);
    assert.ok(largest(back.map((sample, n) => sample - wave[n])) < 1e-6);
    stft.close();
  });
}

test("a tone lies in its bin, and a mask takes it out", () => {
  const stft = new Stft(kiss, 1024, 256);
  const wave = Float32Array.from({ length: 8192 }, (_, n) => Math.sin((2 * Math.PI * 64 * n) / 1024));
  const frame = stft.forward(wave).subarray(10 * 1026, 11 * 1026);
  const magnitudes = Array.from({ length: 513 }, (_, bin) => Math.hypot(frame[2 * bin], frame[2 * bin + 1]));
  assert.equal(magnitudes.indexOf(Math.max(...magnitudes)), 64);
  assert.ok(Math.abs(magnitudes[64] - 256) < 0.01); // half of the window's sum
  const mask = new Float32Array(countFrames(8192, 256) * 513).fill(0.5);
  const half = stft.inverse(stft.forward(wave), 8192, mask);
  assert.ok(largest(half.map((sample, n) => sample - 0.5 * wave[n])) < 1e-6);
  stft.close();
});

test("a song's grid is the model's in seconds, in sizes that are quick", () => {
  assert.deepEqual(gridAtRate(44100, MODEL), { size: 2048, hop: 512, bins: 1025 });
  assert.deepEqual(gridAtRate(22050, MODEL), { size: 1024, hop: 256, bins: 513 });
  assert.deepEqual(gridAtRate(48000, MODEL), { size: 2240, hop: 560, bins: 1121 });
});

test("halves are rounded to the even number", () => {
  assert.deepEqual([0.5, 1.5, 2.5, 2.4, 2.6].map(round), [0, 2, 2, 2, 3]);
});

test("at every frame of a song the weights of all segments add up to one", () => {
  const segment = segmentSamples(SEGMENTATION, 10);
  const samples = 4000;
  const sums = new Float32Array(countFrames(samples, 10));
  const places = cut(samples, segment);
  assert.ok(places.length > 3);
  places.forEach(({ begin, end }, n) => {
    const frames = countFrames(end - begin, 10);
    const weights = segmentWeights(frames, SEGMENTATION, n === 0, n === places.length - 1);
    weights.forEach((weight, frame) => (sums[begin / 10 + frame] += weight));
  });
  assert.ok(largest(sums.map((sum) => sum - 1)) < 1e-6);
});

test("a song that fits into a segment is one", () => {
  assert.deepEqual(cut(100, { hop: 60, length: 100 }), [{ begin: 0, end: 100 }]);
  assert.equal(cut(101, { hop: 60, length: 100 }).length, 2);
});

test("a moving average takes fewer frames at the ends", () => {
  assert.deepEqual([...movingAverage(Float32Array.of(3, 0, 0, 9), 2, 1)], [1.5, 1, 3, 4.5]);
});

test("masks that give more than all away are divided by their sum", () => {
  const masks = [Float32Array.of(1, 0.25), Float32Array.of(1, 0.25)];
  normalizeMasks(masks);
  assert.deepEqual(
    masks.map((mask) => [...mask]),
    [
      [0.5, 0.25],
      [0.5, 0.25],
    ],
  );
});

test("the expander leaves a mask alone where it leaves much, and closes it where it leaves little", () => {
  const magnitude = new Float32Array(40).fill(1);
  const open = new Float32Array(40).fill(0.5);
  expand(open, magnitude, 4, 10);
  assert.ok(open.every((value) => value === 0.5));
  const nearlyShut = new Float32Array(40).fill(0.01); // 40 dB down, 22 below the threshold
  expand(nearlyShut, magnitude, 4, 10);
  assert.ok(Math.abs(20 * Math.log10(nearlyShut[0] / 0.01) + 80) < 0.01);
});

test("levels: gain, polarity, silence, unlike channels", () => {
  const a = noise(40000);
  const { gains, unlike } = levelsOf([a, a.map((x) => -x)], kiss);
  assert.ok(gains[0] > 0 && gains[1] === -gains[0] && !unlike);
  assert.deepEqual(levelsOf([a, new Float32Array(40000)], kiss).gains[1], 0);
  assert.deepEqual(levelsOf([new Float32Array(10)], kiss), { gains: [1], unlike: false });
  const [low, high] = [300, 3000].map((hz) => a.map((_, n) => Math.sin((2 * Math.PI * hz * n) / 44100)));
  assert.equal(levelsOf([low, high], kiss).unlike, true);
});

/** A view of bytes: words, and [value, bytes, little-endian] numbers. */
function bytes(...parts) {
  const arrays = parts.map((part) => {
    if (typeof part === "string") return [...part].map((letter) => letter.charCodeAt(0));
    const [value, size, isLittle] = part;
    const digits = Array.from({ length: size }, (_, n) => Math.floor(value / 256 ** n) % 256);
    return isLittle ? digits : digits.reverse();
  });
  return new DataView(Uint8Array.from(arrays.flat()).buffer);
}

test("headers state the rate", () => {
  const format = ["fmt ", [16, 4, true], [1, 2, true], [2, 2, true], [48000, 4, true], [0, 8]];
  assert.equal(readSampleRate(bytes("RIFF", [0, 4], "WAVE", "JUNK", [3, 4, true], "abc\0", ...format)), 48000);
  assert.equal(readSampleRate(bytes("fLaC", [0, 14], [96000 << 12, 4], [0, 20])), 96000);
  assert.equal(readSampleRate(bytes("OggS", [0, 24], "OpusHead", [0, 20])), 48000);
  assert.equal(readSampleRate(bytes("OggS", [0, 24], [1, 1], "vorbis", [0, 5], [32000, 4, true])), 32000);
  assert.equal(readSampleRate(bytes([0xfffb9444, 4])), 48000); // MPEG 1, layer 3, index 1
  assert.equal(readSampleRate(bytes("ID3", [4, 3], [2, 4], "ab", [0xfff39044, 4])), 22050);
});

test("what is no audio states no rate", () => {
  for (const view of [bytes(), bytes("RIFF"), bytes("RIFF", [0, 4], "WAVE"), bytes("hello, this is text")])
    assert.equal(readSampleRate(view), null);
});

test("a stem becomes 24 bits, or floats where it goes above full scale", async () => {
  for (const [peak, bits] of [
    [0.5, 24],
    [1.5, 32],
  ]) {
    const stem = new StemFile(2, 44100);
    stem.write([Float32Array.of(0, peak), Float32Array.of(0, -peak)]);
    stem.write([Float32Array.of(0.25), Float32Array.of(0.25)]);
    const view = new DataView(await (await stem.close()).arrayBuffer());
    assert.equal(view.getUint16(34, true), bits);
    assert.equal(view.byteLength, 44 + (6 * bits) / 8);
    if (bits === 32)
      assert.deepEqual(
        [44, 52, 60].map((at) => view.getFloat32(at, true)),
        [0, peak, 0.25],
      );
  }
});
