import assert from "node:assert/strict";
import test from "node:test";
import { serve } from "../../assets/js/practice/stretch_worker.js";
import { StretchedSong, readSamples } from "../../assets/js/practice/stretched_song.js";

const RATE = 22050;
const load = () => import("../../assets/vendor/signalsmith-stretch/SignalsmithStretch.esm.js");

/** The Worker's program, without a Worker. */
function openWorker(channels) {
  const waiting = [];
  const port = { postMessage: (answer) => waiting.shift()(answer) };
  serve(port, load);
  const ask = (order) =>
    new Promise((resolve) => {
      waiting.push(resolve);
      port.onmessage({ data: order });
    });
  return { ask, opened: ask({ kind: "open", channels, sampleRate: RATE }) };
}

const BLOCK = 8192;

async function stretch(channels, how) {
  const song = new StretchedSong(openWorker(channels.length), channels, 0, how);
  const count = Math.round(channels[0].length / how.tempo);
  const out = channels.map(() => new Float32Array(count));
  for (let done = 0; done < count; done += BLOCK) {
    const part = await song.read(Math.min(BLOCK, count - done));
    part.forEach((samples, channel) => out[channel].set(samples, done));
  }
  return out;
}

const sine = (hertz, seconds = 2) =>
  Float32Array.from({ length: seconds * RATE }, (_, n) => 0.3 * Math.sin((2 * Math.PI * hertz * n) / RATE));

/** Cents from `hertz` to the sine in samples [from, from + 2 × size), by how far its phase moves. */
function centsFrom(hertz, samples, from = RATE / 2, size = 8192) {
  const phase = (start) => {
    let [re, im] = [0, 0];
    for (let n = start; n < start + size; n++) {
      const weight = samples[n] * (0.5 - 0.5 * Math.cos((2 * Math.PI * (n - start)) / size));
      re += weight * Math.cos((2 * Math.PI * hertz * n) / RATE);
      im -= weight * Math.sin((2 * Math.PI * hertz * n) / RATE);
    }
    return Math.atan2(im, re);
  };
  const moved = phase(from + size) - phase(from);
  const wrapped = moved - 2 * Math.PI * Math.round(moved / (2 * Math.PI));
  return 1200 * Math.log2(1 + (wrapped * RATE) / (2 * Math.PI * size * hertz));
}

for (const [hertz, tempo, semitones] of [
  [110, 1, 7],
  [110, 0.9, -12],
  [440, 0.5, 0],
  [440, 1.5, -5],
  [440, 0.5, 12],
  [3000, 1.25, 0],
])
  test(`${hertz} Hz at ${tempo} of the tempo and ${semitones} semitones is in tune`, async () => {
    const [out] = await stretch([sine(hertz, tempo > 1 ? 3 : 2)], { tempo, semitones });
    const cents = centsFrom(hertz * 2 ** (semitones / 12), out);
    assert.ok(Math.abs(cents) < 3, `${cents} cents`);
    const level = Math.max(...out.subarray(RATE / 2, RATE));
    assert.ok(level > 0.27 && level < 0.36, `peak ${level}`);
  });

test("beats stay where the tempo puts them", async () => {
  for (const [tempo, semitones] of [
    [0.75, 0],
    [1.25, 3],
  ]) {
    const song = new Float32Array(3 * RATE);
    for (const second of [1, 2]) for (let n = 0; n < 40; n++) song[second * RATE + n] = Math.cos(n) * Math.exp(-n / 12);
    const [out] = await stretch([song], { tempo, semitones });
    for (const second of [1, 2]) {
      const expected = (second * RATE) / tempo;
      const around = out.subarray(expected - 2000, expected + 2000).map(Math.abs);
      const found = around.indexOf(Math.max(...around)) - 2000;
      assert.ok(Math.abs(found) < 0.003 * RATE, `${(1000 * found) / RATE} ms`);
    }
  }
});

test("equal tracks stay equal, and parts add up to their sum", async () => {
  let seed = 1;
  const noise = () =>
    Float32Array.from({ length: RATE }, () => (seed = (seed * 16807) % 2147483647) / 2147483647 - 0.5);
  const [one, other] = [noise(), noise()];
  const sum = one.map((sample, n) => sample + other[n]);
  const out = await stretch([sum, one, other, one], { tempo: 0.8, semitones: 4 });
  const energy = (samples) => samples.reduce((total, sample) => total + sample * sample, 0);
  assert.ok(energy(out[1].map((sample, n) => sample - out[3][n])) < 1e-9 * energy(out[1]));
  assert.ok(energy(out[0].map((sample, n) => sample - out[1][n] - out[2][n])) < 1e-6 * energy(out[0]));
});

test("a loop is read again and again, and silence is around the song", () => {
  const data = Float32Array.of(1, 2, 3, 4, 5);
  assert.deepEqual([...readSamples(data, -2, 9, null)], [0, 0, 1, 2, 3, 4, 5, 0, 0]);
  assert.deepEqual([...readSamples(data, 0, 9, { start: 1, end: 3 })], [1, 2, 3, 2, 3, 2, 3, 2, 3]);
});
