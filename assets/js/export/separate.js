// A decoded song -> its stems, part by part, as separator/api.py: levels, then segments with the network's state carried.
import { expand } from "./expander.js";
import { extendToFullBand, gridAtRate, modelMagnitude, normalizeMasks } from "./grid.js";
import { measureLevels } from "./levels.js";
import { cut, segmentSamples, segmentWeights } from "./segments.js";
import { countFrames, Stft } from "./stft.js";

/** @typedef {Float32Array[]} Channels samples of each channel */

/**
 * Yields consecutive parts of the song: a stem for each target, and last what they leave over.
 * @param {Channels} song @param {number} rate in Hz @param {ModelSettings} model
 * @param {Network} network @param {KissFft} kiss @param {(share: number) => void} progress
 * @returns {AsyncGenerator<Channels[]>}
 */
export async function* separate(song, rate, model, network, kiss, progress) {
  const grid = gridAtRate(rate, model.stft);
  const { segmentation } = model;
  const sizes = segmentSamples(segmentation, grid.hop);
  const groups = measureLevels(song, kiss);
  const states = groups.map(() => network.emptyState());
  const stft = new Stft(kiss, grid.size, grid.hop);
  const places = cut(song[0].length, sizes);
  /** @type {Channels[]} */
  let tail = [];
  try {
    for (const [index, { begin, end }] of places.entries()) {
      const isLast = index === places.length - 1;
      const frames = countFrames(end - begin, grid.hop);
      const weights = segmentWeights(frames, segmentation, index === 0, isLast);
      /** @type {Channels[]} */
      const stems = model.targets.map(() => Array(song.length));
      for (const [g, group] of groups.entries()) {
        const samples = group.channels.map((c) => song[c].subarray(begin, end));
        const spectra = samples.map((channel) => stft.forward(channel));
        const step = { spectra, gains: group.gains, frames, grid };
        const { masks, state } = await estimateMasks(step, states[g], model, network);
        states[g] = segmentation.hop % model.time_factor ? network.emptyState() : state;
        masks.forEach((mask, target) => {
          mask.forEach((_, n) => (mask[n] *= weights[Math.floor(n / grid.bins)]));
          group.channels.forEach((c, n) => {
            stems[target][c] = stft.inverse(spectra[n], end - begin, mask);
          });
        });
        progress((index + (g + 1) / groups.length) / places.length);
      }
      tail.forEach((stem, target) => stem.forEach((samples, c) => addInto(stems[target][c], samples)));
      const done = isLast ? end - begin : sizes.hop;
      tail = stems.map((stem) => stem.map((samples) => samples.slice(done)));
      const parts = stems.map((stem) => stem.map((samples) => samples.subarray(0, done)));
      yield [...parts, subtract(song, begin, parts)];
    }
  } finally {
    stft.close();
  }
}

/**
 * The masks of all targets on the song's grid, and the network's state where the next segment begins.
 * @param {{spectra: Float32Array[], gains: number[], frames: number, grid: import("./grid.js").Grid}} step
 * @param {unknown} state @param {ModelSettings} model @param {Network} network
 */
async function estimateMasks({ spectra, gains, frames, grid }, state, model, network) {
  const { stft } = model;
  const magnitude = modelMagnitude(spectra, gains, grid, stft, model.input_channels);
  const estimate = await network.run(magnitude, frames, state, model.segmentation.hop);
  const bins = stft.n_fft / 2 + 1;
  const masks = model.targets.map((_, target) => {
    const mask = estimate.masks.subarray(target * frames * bins, (target + 1) * frames * bins);
    expand(mask, magnitude, bins, stft.sample_rate / stft.hop_length);
    return extendToFullBand(mask, grid, stft);
  });
  normalizeMasks(masks);
  return { masks, state: estimate.state };
}

/** @param {Float32Array} sum @param {Float32Array} samples */
const addInto = (sum, samples) => samples.forEach((sample, n) => (sum[n] += sample));

/** The song from `begin` on minus all targets. @param {Channels} song @param {number} begin @param {Channels[]} parts */
const subtract = (song, begin, parts) =>
  song.map((channel, c) => {
    const rest = channel.slice(begin, begin + parts[0][c].length);
    for (const part of parts) part[c].forEach((sample, n) => (rest[n] -= sample));
    return rest;
  });
