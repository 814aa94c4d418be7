// The delays that can be chosen, and what each costs.

/** @type {Seconds[]} */
export const DELAYS = [0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4];
export const USUAL_DELAY = 2;

/**
 * The change of SDR against separating a whole song: measured, or between two that are, over the delay's logarithm. Null
 * where nothing was measured.
 * @param {Seconds} delay @param {ModelSettings["live_delays"]} measured @returns {Decibels | null}
 */
export function priceOf(delay, measured) {
  const prices = [...measured].sort((a, b) => a.delay_seconds - b.delay_seconds);
  const above = prices.findIndex(({ delay_seconds }) => delay_seconds >= delay);
  if (above < 1) return (prices[above] ?? prices.at(-1))?.change_db ?? null;
  const [low, high] = [prices[above - 1], prices[above]];
  const share = Math.log(delay / low.delay_seconds) / Math.log(high.delay_seconds / low.delay_seconds);
  return low.change_db + share * (high.change_db - low.change_db);
}

/** The next longer delay, null for the longest. @param {Seconds} delay */
export const longerThan = (delay) => DELAYS.find((other) => other > delay) ?? null;
