// A model's STFT at a song's own rate, and its mask over all of the song's bins, as separator/spectral/grid.py, which
// gives the reasons. Spectrograms and masks are rows of bins, a row for each frame.

/** @typedef {{size: number, hop: number, bins: number}} Grid in samples */

const MOST_DETUNED = 0.01;
const TRUSTED_SHARE = 0.975;
const TOP_BAND_HZ = 1000;
const SMOOTHING_SECONDS = 0.1;

/** As Python's round: halves go to the even number. @param {number} value */
export const round = (value) => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));

/** @param {number} rate in Hz @param {StftSettings} model @returns {Grid} */
export function gridAtRate(rate, model) {
  const exact = (rate * model.hop_length) / model.sample_rate;
  const nearest = Math.max(1, round(exact));
  let hop = nearest;
  let distance = Infinity;
  const reach = Math.floor(exact * MOST_DETUNED);
  for (let near = Math.max(1, round(exact) - reach); near <= round(exact) + reach; near++) {
    if (hasSmallFactors(near) && Math.abs(near - exact) < distance) {
      hop = near;
      distance = Math.abs(near - exact);
    }
  }
  const size = 2 * round((hop * model.n_fft) / model.hop_length / 2);
  return { size, hop, bins: size / 2 + 1 };
}

/** Whether no prime factor is above 7, which makes a Fourier transform fast. @param {number} number */
function hasSmallFactors(number) {
  for (const prime of [2, 3, 5, 7]) while (number % prime === 0) number /= prime;
  return number === 1;
}

/**
 * Magnitudes at the model's scale, in the model's bins: of the channels' mean or, for a model with two inputs and a song
 * with two channels in use, of both, one after the other.
 * @param {Float32Array[]} spectra a spectrogram for each channel @param {number[]} gains 0 for a channel left out
 * @param {Grid} grid @param {StftSettings} model @param {number} inputs the model's
 */
export function modelMagnitude(spectra, gains, grid, model, inputs) {
  const scale = model.n_fft / grid.size;
  const used = spectra.map((spectrum, c) => ({ spectrum, gain: gains[c] * scale })).filter(({ gain }) => gain);
  const groups = used.length === inputs ? used.map((channel) => [channel]) : Array(inputs).fill(used);
  const frames = spectra[0].length / grid.bins / 2;
  const bins = model.n_fft / 2 + 1;
  const result = new Float32Array(inputs * frames * bins);
  groups.forEach((group, input) => {
    for (let frame = 0; frame < frames; frame++) {
      for (let bin = 0; bin < Math.min(bins, grid.bins); bin++) {
        const at = 2 * (frame * grid.bins + bin);
        let real = 0;
        let imaginary = 0;
        for (const { spectrum, gain } of group) {
          real += spectrum[at] * gain;
          imaginary += spectrum[at + 1] * gain;
        }
        result[(input * frames + frame) * bins + bin] = Math.sqrt(real * real + imaginary * imaginary) / group.length;
      }
    }
  });
  return result;
}

/**
 * A model's mask over all of a song's bins. Above the model's band it goes on as the mean of its top kilohertz.
 * @param {Float32Array} mask @param {Grid} grid @param {StftSettings} model
 */
export function extendToFullBand(mask, grid, model) {
  const modelBins = model.n_fft / 2 + 1;
  const frames = mask.length / modelBins;
  const trusted = Math.floor(modelBins * TRUSTED_SHARE);
  const first = Math.max(0, trusted - Math.max(1, round((TOP_BAND_HZ * model.n_fft) / model.sample_rate)));
  const row = (/** @type {number} */ frame) => mask.subarray(frame * modelBins, (frame + 1) * modelBins);
  const top = new Float32Array(frames);
  for (let frame = 0; frame < frames; frame++) top[frame] = mean(row(frame).subarray(first, trusted));
  const smooth = movingAverage(top, SMOOTHING_SECONDS, model.sample_rate / model.hop_length);
  const result = new Float32Array(frames * grid.bins);
  for (let frame = 0; frame < frames; frame++) {
    const whole = result.subarray(frame * grid.bins, (frame + 1) * grid.bins);
    whole.set(row(frame).subarray(0, Math.min(trusted, grid.bins)));
    whole.fill(smooth[frame], Math.min(trusted, grid.bins));
  }
  return result;
}

/** @param {Float32Array} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Centred moving average, over an odd number of frames and fewer at the ends.
 * @param {Float32Array | Float64Array} envelope @param {Seconds} seconds @param {number} framesPerSecond
 */
export function movingAverage(envelope, seconds, framesPerSecond) {
  const reach = round((seconds * framesPerSecond) / 2);
  const sums = new Float64Array(envelope.length + 1);
  envelope.forEach((value, n) => (sums[n + 1] = sums[n] + value));
  return envelope.map((_, n) => {
    const [first, last] = [Math.max(0, n - reach), Math.min(envelope.length, n + reach + 1)];
    return (sums[last] - sums[first]) / (last - first);
  });
}

/**
 * Divides masks where they add up to more than 1, in place, so that the rest of a song is never negative.
 * @param {Float32Array[]} masks
 */
export function normalizeMasks(masks) {
  if (masks.length === 1) return;
  for (let n = 0; n < masks[0].length; n++) {
    let sum = 0;
    for (const mask of masks) sum += mask[n];
    if (sum > 1) for (const mask of masks) mask[n] /= sum;
  }
}
