import assert from "node:assert/strict";
import test from "node:test";
import { linearTicks, logTicks, nearestIndex, rangeOf } from "../../assets/js/train/scale.js";
import { rowEdges } from "../../assets/js/spectrum.js";
import { fft } from "../../assets/js/train/spectrogram.js";

test("a range holds all values with air around them", () => {
  const [low, high] = rangeOf([1, 3, 2], false);
  assert.ok(Math.abs(low - 0.88) < 1e-12 && Math.abs(high - 3.12) < 1e-12);
  assert.ok(rangeOf([5], false)[0] < 5 && rangeOf([0], false)[1] > 0);
  const log = rangeOf([0.01, 1], true);
  assert.ok(log[0] > 0 && log[0] < 0.01 && log[1] > 1);
});

test("linear ticks are round numbers", () => {
  assert.deepEqual(linearTicks(0, 50, 5), [0, 10, 20, 30, 40, 50]);
  assert.deepEqual(linearTicks(0.11, 0.33, 4), [0.2, 0.3]);
});

test("logarithmic ticks are 1, 2 and 5 times powers of ten", () => {
  assert.deepEqual(logTicks(0.1, 1), [0.1, 0.2, 0.5, 1]);
  assert.ok(logTicks(0.3, 0.4).length >= 2, "within less than a decade they are linear");
});

test("the nearest value skips missing ones", () => {
  assert.equal(nearestIndex([0, 1, 2, 3], [5, null, undefined, 8], 1.4), 0);
  assert.equal(nearestIndex([0, 1, 2, 3], [5, null, undefined, 8], 1.6), 3);
  assert.equal(nearestIndex([0, 1], [null, null], 1), null);
});

test("the transform of a sine is one line", () => {
  const re = Float64Array.from({ length: 64 }, (_, n) => Math.sin((2 * Math.PI * 5 * n) / 64));
  const im = new Float64Array(64);
  fft(re, im);
  const loud = [...re.keys()].filter((bin) => Math.hypot(re[bin], im[bin]) > 1e-9);
  assert.deepEqual(loud, [5, 59]);
  assert.ok(Math.abs(im[5] + 32) < 1e-9);
});

test("rows of a spectrogram rise from 0 to half the rate", () => {
  const edges = rowEdges(22050, 1024, 128);
  assert.equal(edges[0], 0);
  assert.equal(edges.at(-1), 512);
  assert.ok(edges.every((bin, n) => n === 0 || bin >= edges[n - 1]));
});
