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
/** @typedef {{powers: number[], product: number}} BlockLevel mean powers, and the mean product of two channels */

/** @param {Float32Array[]} channels @param {KissFft} kiss @returns {Group[]} */
export function measureLevels(channels, kiss) {
  const { gains, unlike } = levelsOf(channels, kiss);
  if (unlike) return gains.map((gain, c) => ({ channels: [c], gains: [Math.abs(gain)] }));
  return [{ channels: channels.map((_, c) => c), gains }];
}

/** @param {Float32Array[]} channels @param {KissFft} kiss */
export function levelsOf(channels, kiss) {
  const { blocks, cosine } = measureBlocks(channels, kiss);
  const gains = gainsOf(blocks);
  return { gains, unlike: gains.length === 2 && gains.every(Boolean) && cosine < UNLIKE };
}

/** The gain of each channel, from those blocks that are no pauses. @param {BlockLevel[]} blocks */
export function gainsOf(blocks) {
  const means = blocks.map(({ powers }) => average(powers));
  const pause = PAUSE * average(means);
  const kept = blocks.filter((_, n) => means[n] >= pause);
  const powers = blocks[0].powers.map((_, c) => average(kept.map((block) => block.powers[c])));
  const loudest = Math.max(...powers);
  const audible = powers.map((power) => power > INAUDIBLE * loudest);
  if (powers.length !== 2 || !audible.every(Boolean)) {
    if (!audible.some(Boolean)) return powers.map(() => 1);
    const gain = LEVEL / Math.sqrt(average(powers.filter((_, c) => audible[c])));
    return audible.map((is) => (is ? gain : 0));
  }
  const isOpposite = average(kept.map(({ product }) => product)) / Math.sqrt(powers[0] * powers[1]) < OPPOSITE;
  const [left, right] = powers.map((power) => LEVEL / Math.sqrt(power));
  return [left, isOpposite ? -right : right];
}

/** @param {Float32Array[]} block samples of each channel @returns {BlockLevel} */
export const measureBlock = (block) => ({
  powers: block.map((samples) => meanProduct(samples, samples)),
  product: block.length === 2 ? meanProduct(block[0], block[1]) : 0,
});

/**
 * Levels of all blocks, and the likeness of two channels' magnitudes over excerpts of them.
 * @param {Float32Array[]} channels @param {KissFft} kiss
 */
function measureBlocks(channels, kiss) {
  const stft = channels.length === 2 ? new Stft(kiss, 2048, 512) : null;
  const blocks = [];
  const likeness = [0, 0, 0];
  for (let from = 0; from < channels[0].length; from += BLOCK) {
    const block = channels.map((channel) => channel.subarray(from, from + BLOCK));
    blocks.push(measureBlock(block));
    if (stft) addLikeness(block, stft, likeness);
  }
  stft?.close();
  return { blocks, cosine: likeness[1] / Math.sqrt(likeness[0] * likeness[2]) };
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
