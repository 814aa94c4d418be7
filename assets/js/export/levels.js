// Level, balance and polarity of a whole song before it is separated, as separator/inference/levels.py.
import { Stft } from "./stft.js";

const LEVEL = 10 ** (-16 / 20);
const BLOCK = 1 << 17; // samples
const PAUSE = 0.01;
const INAUDIBLE = 1e-4;
const OPPOSITE = -0.3;
const UNLIKE = 0.75;
const EXCERPT = 1 << 14;
const FIRST_BIN = 10;
const LAST_BIN = 400;

/** @typedef {{channels: number[], gains: number[]}} Group channels that are separated together, and their gains */

/** @param {Float32Array[]} channels @param {KissFft} kiss @returns {Group[]} */
export function measureLevels(channels, kiss) {
  const { gains, unlike } = levelsOf(channels, kiss);
  if (unlike) return gains.map((gain, c) => ({ channels: [c], gains: [Math.abs(gain)] }));
  return [{ channels: channels.map((_, c) => c), gains }];
}

/** @param {Float32Array[]} channels @param {KissFft} kiss */
export function levelsOf(channels, kiss) {
  const isStereo = channels.length === 2;
  const { powers, product, cosine } = measureBlocks(channels, kiss);
  const loudest = Math.max(...powers);
  const audible = powers.map((power) => power > INAUDIBLE * loudest);
  if (!isStereo || !audible.every(Boolean)) {
    if (!audible.some(Boolean)) return { gains: powers.map(() => 1), unlike: false };
    const kept = powers.filter((_, c) => audible[c]);
    const gain = LEVEL / Math.sqrt(kept.reduce((sum, power) => sum + power, 0) / kept.length);
    return { gains: audible.map((is) => (is ? gain : 0)), unlike: false };
  }
  const isOpposite = product / Math.sqrt(powers[0] * powers[1]) < OPPOSITE;
  const [left, right] = powers.map((power) => LEVEL / Math.sqrt(power));
  return { gains: [left, isOpposite ? -right : right], unlike: cosine < UNLIKE };
}

/**
 * Mean powers, and the mean product of two channels, over the blocks that are no pauses; the likeness of two channels'
 * magnitudes over excerpts of all blocks.
 * @param {Float32Array[]} channels @param {KissFft} kiss
 */
function measureBlocks(channels, kiss) {
  const stft = channels.length === 2 ? new Stft(kiss, 2048, 512) : null;
  const blocks = [];
  const likeness = [0, 0, 0];
  for (let from = 0; from < channels[0].length; from += BLOCK) {
    const block = channels.map((channel) => channel.subarray(from, from + BLOCK));
    const powers = block.map((samples) => meanProduct(samples, samples));
    blocks.push({ powers, product: stft ? meanProduct(block[0], block[1]) : 0 });
    if (stft) addLikeness(block, stft, likeness);
  }
  stft?.close();
  const means = blocks.map(({ powers }) => average(powers));
  const kept = blocks.filter((_, n) => means[n] >= PAUSE * average(means));
  return {
    powers: channels.map((_, c) => average(kept.map(({ powers }) => powers[c]))),
    product: average(kept.map(({ product }) => product)),
    cosine: likeness[1] / Math.sqrt(likeness[0] * likeness[2]),
  };
}

/** @param {Float32Array[]} block @param {Stft} stft @param {number[]} sums of |a|², |a||b| and |b|², added to */
function addLikeness(block, stft, sums) {
  const [a, b] = block.map((samples) => stft.forward(samples.subarray(0, EXCERPT)));
  for (let frame = 0; frame < a.length; frame += 2 * stft.bins) {
    for (let bin = FIRST_BIN; bin < LAST_BIN; bin++) {
      const at = frame + 2 * bin;
      const x = Math.sqrt(a[at] * a[at] + a[at + 1] * a[at + 1]);
      const y = Math.sqrt(b[at] * b[at] + b[at + 1] * b[at + 1]);
      sums[0] += x * x;
      sums[1] += x * y;
      sums[2] += y * y;
    }
  }
}

/** @param {Float32Array} a @param {Float32Array} b */
function meanProduct(a, b) {
  let sum = 0;
  for (let n = 0; n < a.length; n++) sum += a[n] * b[n];
  return sum / a.length;
}

/** @param {number[]} values */
const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
