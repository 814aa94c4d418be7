// How a stream is cut into segments, in frames, as LivePlan in separator/live.py, which has a picture and the reasons.
import { round } from "../export/grid.js";

const LEVEL_SECONDS = 30;
const CONTEXT_SECONDS = 0.56;
const LOOKAHEAD_SECONDS = 2.97;
const ENOUGH_LOOKAHEAD_SECONDS = 0.75;
const LONGEST_STEP = 32;

/** @typedef {{step: number, lookahead: number, length: number, chains: number, reach: number, delay: number}} LivePlan */

/**
 * A plan whose delay is at most `frames`; `reach` frames are half a window.
 * @param {number} frames @param {ModelSettings} model @param {number} reach @returns {LivePlan}
 */
export function planWithin(frames, model, reach) {
  const perSecond = model.stft.sample_rate / model.stft.hop_length;
  const budget = frames - 2 * reach + 1;
  if (budget < 1) throw new Error(`the delay is too short; at least ${((2 * reach) / perSecond).toFixed(3)} s`);
  const longest = Math.max(Math.ceil(budget / 4), budget - round(ENOUGH_LOOKAHEAD_SECONDS * perSecond));
  const step = Math.min(LONGEST_STEP, 2 ** Math.floor(Math.log2(longest)));
  const lookahead = Math.min(budget - step, round(LOOKAHEAD_SECONDS * perSecond));
  const stride = leastCommonMultiple(step, model.time_factor);
  const needed = Math.max(round(CONTEXT_SECONDS * perSecond) + step + lookahead, stride);
  const length = Math.ceil(needed / model.fold) * model.fold;
  return { step, lookahead, length, chains: stride / step, reach, delay: step - 1 + lookahead + 2 * reach };
}

/** Blocks over which the level of a stream is measured. @param {number} rate in Hz @param {number} samples of a block */
export const countLevelBlocks = (rate, samples) => Math.max(1, round((LEVEL_SECONDS * rate) / samples));

/** @param {number} a @param {number} b */
function leastCommonMultiple(a, b) {
  let [divisor, rest] = [a, b];
  while (rest) [divisor, rest] = [rest, divisor % rest];
  return (a / divisor) * b;
}
