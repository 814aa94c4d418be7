// Reads samples between samples: a windowed sinc, as changing the pitch needs.

const CROSSINGS = 16; // of zero, on each side
const STEPS = 512; // table entries from one to the next
const BETA = 8; // of the Kaiser window: side lobes below -80 dB

/** The Bessel function I0 as a series. @param {number} x */
const bessel = (x) => {
  let sum = 1;
  for (let k = 1, term = 1; term > 1e-9 * sum; k++) sum += term *= (x / (2 * k)) ** 2;
  return sum;
};

const TABLE = Float32Array.from({ length: CROSSINGS * STEPS + 2 }, (_, n) => {
  const x = n / STEPS;
  if (x >= CROSSINGS) return 0;
  const window = bessel(BETA * Math.sqrt(1 - (x / CROSSINGS) ** 2)) / bessel(BETA);
  return window * (x ? Math.sin(Math.PI * x) / (Math.PI * x) : 1);
});

/** Samples that are read on each side of a place. @param {number} step from place to place, in samples */
export const reachOf = (step) => (step === 1 ? 0 : Math.ceil(CROSSINGS * Math.max(1, step)));

/**
 * The samples at `first`, `first + step` … of every channel; steps above 1 leave out what would alias.
 * @param {Float32Array[]} channels of which `reachOf(step)` samples before and after these places are there
 * @param {number} first @param {number} step @param {number} count
 */
export function resample(channels, first, step, count) {
  const reach = reachOf(step);
  const cutoff = Math.min(1, 1 / step);
  const weights = new Float32Array(2 * reach);
  const out = channels.map(() => new Float32Array(count));
  for (let n = 0; n < count; n++) {
    const place = first + n * step;
    const start = Math.floor(place) - reach + 1;
    for (let k = 0; k < weights.length; k++) {
      const x = Math.min(CROSSINGS, Math.abs(place - start - k) * cutoff) * STEPS;
      const entry = Math.floor(x);
      weights[k] = cutoff * (TABLE[entry] + (x - entry) * (TABLE[entry + 1] - TABLE[entry]));
    }
    channels.forEach((data, channel) => {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * data[start + k];
      out[channel][n] = sum;
    });
  }
  return out;
}
