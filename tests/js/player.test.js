import assert from "node:assert/strict";
import test from "node:test";
import { canTest, chanceOf, pairOf } from "../../assets/js/player/abx.js";
import { gradeOf } from "../../assets/js/player/compare.js";
import { claimSound, releaseSound } from "../../assets/js/player/now_playing.js";
import { colourOf } from "../../assets/js/player/tracks.js";
import { interleave, wavHeader } from "../../assets/js/player/wav.js";

test("the chance of a blind test is the binomial tail", () => {
  assert.equal(chanceOf(0, 8), 1);
  assert.equal(chanceOf(8, 8), 1 / 256);
  assert.equal(chanceOf(7, 8), 9 / 256);
});

test("a blind test compares two estimates, else reference and estimate", () => {
  const tracks = (...kinds) => kinds.map((kind) => ({ kind }));
  assert.deepEqual(pairOf(tracks("reference", "a", "b")), [1, 2]);
  assert.deepEqual(pairOf(tracks("reference", "a", "error_a")), [0, 1]);
  assert.equal(canTest(tracks("mixture", "a")), false);
});

test("a grade begins at its bound", () => {
  assert.equal(gradeOf(7), "--grade-excellent");
  assert.equal(gradeOf(6.99), "--grade-good");
  assert.equal(gradeOf(-80), "--grade-failed");
});

test("only the player that sounded last goes on", () => {
  const paused = [];
  const [first, second] = ["first", "second"].map((name) => ({ pause: () => paused.push(name) }));
  claimSound(first);
  claimSound(first);
  assert.deepEqual(paused, []);
  claimSound(second);
  assert.deepEqual(paused, ["first"]);
  releaseSound(second);
  claimSound(first);
  assert.deepEqual(paused, ["first"]);
});

test("an unknown kind gets one of the stems' colours", () => {
  assert.equal(colourOf({ kind: "drums" }, 7), "--stem-drums");
  assert.equal(colourOf({ kind: "piano" }, 5), "--stem-bass");
});

test("a WAV header states size, format and rate", () => {
  const view = new DataView(wavHeader(100, 2, 44100, false));
  const ascii = (at) => String.fromCharCode(...new Uint8Array(view.buffer, at, 4));
  assert.deepEqual([0, 8, 12, 36].map(ascii), ["RIFF", "WAVE", "fmt ", "data"]);
  assert.deepEqual([view.getUint16(20, true), view.getUint16(22, true), view.getUint32(24, true)], [1, 2, 44100]);
  assert.deepEqual([view.getUint16(34, true), view.getUint32(40, true)], [24, 600]);
});

test("samples are interleaved, and 24 bits end at full scale", () => {
  const channels = [Float32Array.of(0.5, 2), Float32Array.of(-0.5, -2)];
  const bytes = new DataView(interleave(channels, false));
  const sample = (n) => bytes.getUint16(3 * n, true) + bytes.getInt8(3 * n + 2) * 65536;
  assert.deepEqual([0, 1, 2, 3].map(sample), [2 ** 22, -(2 ** 22), 2 ** 23 - 1, -(2 ** 23)]);
  assert.deepEqual([...new Float32Array(interleave(channels, true))], [0.5, -0.5, 2, -2]);
});
