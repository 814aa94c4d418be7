// What a chart's axes show: ranges and ticks.

/**
 * The range of an axis around its values, with 6 % of air.
 * @param {number[]} values @param {boolean} log @returns {[low: number, high: number]}
 */
export function rangeOf(values, log) {
  const on = log ? values.map(Math.log10) : values;
  const [low, high] = [Math.min(...on), Math.max(...on)];
  const air = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return log ? [10 ** (low - air), 10 ** (high + air)] : [low - air, high + air];
}

/**
 * Round numbers that divide low..high into about `count` parts.
 * @param {number} low @param {number} high @param {number} count
 */
export function linearTicks(low, high, count) {
  const power = 10 ** Math.floor(Math.log10((high - low) / count));
  const step = ([1, 2, 5].find((factor) => factor * power >= (high - low) / count) ?? 10) * power;
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-6; tick += step)
    ticks.push(Number(tick.toPrecision(12)));
  return ticks;
}

/**
 * 1, 2 and 5 times the powers of ten within low..high; linear ticks where those are fewer than two.
 * @param {number} low @param {number} high
 */
export function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const factor of [1, 2, 5]) ticks.push(factor * 10 ** power);
  }
  const within = ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  return within.length >= 2 ? within : linearTicks(low, high, 4);
}

/**
 * The index of the value nearest to x, or null where all are missing.
 * @param {ArrayLike<number>} xs @param {ArrayLike<number | null | undefined>} ys @param {number} x
 */
export function nearestIndex(xs, ys, x) {
  /** @type {number | null} */
  let best = null;
  for (let n = 0; n < xs.length; n++) {
    if (ys[n] != null && (best === null || Math.abs(xs[n] - x) < Math.abs(xs[best] - x))) best = n;
  }
  return best;
}
