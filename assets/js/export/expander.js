// What a mask leaves where its target rests is turned down further, as separator/inference/expander.py.
import { movingAverage } from "./grid.js";

const THRESHOLD_DB = -18;
const RATIO = 5;
export const WINDOW_SECONDS = 0.2;
const DEEPEST_DB = 80;

/**
 * Turns a mask down, in place, in frames where it leaves next to nothing of a mixture.
 * @param {Float32Array} mask frames of bins @param {Float32Array} magnitude one or two times as long
 * @param {number} bins @param {number} framesPerSecond
 */
export function expand(mask, magnitude, bins, framesPerSecond) {
  const frames = mask.length / bins;
  const left = new Float64Array(frames);
  const whole = new Float64Array(frames);
  for (let n = 0; n < magnitude.length; n++) {
    const at = n % mask.length;
    const frame = Math.floor(at / bins);
    const masked = mask[at] * magnitude[n];
    left[frame] += masked * masked;
    whole[frame] += magnitude[n] * magnitude[n];
  }
  const smoothLeft = movingAverage(left, WINDOW_SECONDS, framesPerSecond);
  const smoothWhole = movingAverage(whole, WINDOW_SECONDS, framesPerSecond);
  for (let frame = 0; frame < frames; frame++) {
    const level = 10 * Math.log10((smoothLeft[frame] + 1e-12) / (smoothWhole[frame] + 1e-12));
    const reduction = Math.min(DEEPEST_DB, Math.max(0, (RATIO - 1) * (THRESHOLD_DB - level)));
    const gain = 10 ** (-reduction / 20);
    if (gain < 1) for (let at = frame * bins; at < (frame + 1) * bins; at++) mask[at] *= gain;
  }
}
