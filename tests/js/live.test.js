import assert from "node:assert/strict";
import test from "node:test";
import { DELAYS, longerThan, priceOf } from "../../assets/js/live/delays.js";
import { Fifo } from "../../assets/js/live/fifo.js";
import { planWithin } from "../../assets/js/live/plan.js";
import { CHUNK, StemQueue } from "../../assets/js/live/worklet.js";

const QUANTUM = 128;

/** What is played from one sample to another of a stem that is always 1. */
function play(queue, from, to) {
  const played = [];
  for (let at = from; at < to; at += QUANTUM) {
    const channel = new Float32Array(QUANTUM);
    queue.play(at, [[channel]]);
    played.push(...channel);
  }
  return played;
}

const ones = (number) => [[new Float32Array(CHUNK).fill(number)]];

test("stems are played in their place, after silence that is no glitch", () => {
  const queue = new StemQueue(2 * CHUNK);
  queue.add(0, ones(1));
  queue.add(1, ones(2));
  const played = play(queue, 0, 4 * CHUNK);
  assert.deepEqual(
    [0, 2 * CHUNK - 1, 2 * CHUNK, 3 * CHUNK, 4 * CHUNK - 1].map((at) => played[at]),
    [0, 0, 1, 2, 2],
  );
  assert.equal(queue.glitches, 0);
});

test("a gap is silence and one glitch, and what comes too late is not played", () => {
  const queue = new StemQueue(0);
  queue.add(0, ones(1));
  assert.equal(play(queue, 0, 3 * CHUNK).at(-1), 0);
  queue.add(1, ones(2));
  queue.add(3, ones(4));
  assert.equal(play(queue, 3 * CHUNK, 4 * CHUNK)[0], 4);
  assert.equal(queue.glitches, 1);
  assert.deepEqual([...queue.chunks.keys()], [3]);
  play(queue, 4 * CHUNK, 5 * CHUNK);
  assert.equal(queue.glitches, 2);
});

test("samples wait in the order of their arrival", () => {
  const fifo = new Fifo(2, 3);
  fifo.add([Float32Array.of(1, 2), Float32Array.of(3, 4)]);
  assert.deepEqual(fifo.take(4), [Float32Array.of(0, 0, 0, 1), Float32Array.of(0, 0, 0, 3)]);
  assert.equal(fifo.length, 1);
  assert.deepEqual(fifo.take(1), [Float32Array.of(2), Float32Array.of(4)]);
});

test("a price lies between those of the delays around it", () => {
  const measured = [
    { delay_seconds: 1, sdr_db: 9, change_db: -1 },
    { delay_seconds: 0.25, sdr_db: 7, change_db: -3 },
  ];
  assert.deepEqual(
    [0.2, 0.25, 0.5, 1, 4].map((delay) => priceOf(delay, measured)),
    [-3, -3, -2, -1, -1],
  );
  assert.equal(priceOf(1, []), null);
});

test("after each delay comes a longer one, but for the longest", () => {
  assert.deepEqual(DELAYS.map(longerThan), [...DELAYS.slice(1), null]);
});

test("a delay without room for one frame is refused", () => {
  const model = { stft: { sample_rate: 22050, n_fft: 1024, hop_length: 256 }, time_factor: 1, fold: 1 };
  assert.throws(() => planWithin(3, model, 2), /too short/);
  assert.equal(planWithin(4, model, 2).step, 1);
});
