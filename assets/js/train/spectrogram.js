// A small spectrogram made in the browser: mel-spaced rows in dB below the excerpt's own loudest spot.
import { colourLevel, rowEdges } from "../spectrum.js";

const [SIZE, ROWS, RANGE_DB] = [1024, 128, 70];

// In-place radix-2 transform (Cooley and Tukey 1965) of `re`, `im`, whose length is a power of two.
/** @param {Float64Array} re @param {Float64Array} im */
export function fft(re, im) {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  for (let size = 2; size <= n; size <<= 1) {
    const angle = (-2 * Math.PI) / size;
    for (let k = 0; k < size / 2; k++) {
      const [c, s] = [Math.cos(angle * k), Math.sin(angle * k)];
      for (let a = k; a < n; a += size) {
        const b = a + size / 2;
        const [x, y] = [re[b] * c - im[b] * s, re[b] * s + im[b] * c];
        [re[b], im[b]] = [re[a] - x, im[a] - y];
        re[a] += x;
        im[a] += y;
      }
    }
  }
}

/** The spectrogram of `samples` at `rate` Hz. @param {Float32Array} samples @param {number} rate */
export function drawSpectrogram(samples, rate) {
  const hop = Math.max(SIZE / 4, Math.ceil(samples.length / 900));
  const columns = Math.max(1, Math.floor((samples.length - SIZE) / hop) + 1);
  const edges = rowEdges(rate, SIZE, ROWS);
  const window = Float64Array.from({ length: SIZE }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / SIZE));
  const power = new Float64Array(columns * ROWS);
  let loudest = 1e-9;
  for (let column = 0; column < columns; column++) {
    const [re, im] = [new Float64Array(SIZE), new Float64Array(SIZE)];
    for (let n = 0; n < SIZE; n++) re[n] = (samples[column * hop + n] || 0) * window[n];
    fft(re, im);
    for (let row = 0; row < ROWS; row++) {
      const [from, to] = [edges[row], Math.max(edges[row] + 1, edges[row + 1])];
      let sum = 0;
      for (let bin = from; bin < to; bin++) sum += re[bin] ** 2 + im[bin] ** 2;
      power[column * ROWS + row] = sum / (to - from);
      loudest = Math.max(loudest, power[column * ROWS + row]);
    }
  }
  const image = new ImageData(columns, ROWS);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < ROWS; row++) {
      const level = 1 + (10 * Math.log10(power[column * ROWS + row] / loudest + 1e-12)) / RANGE_DB;
      image.data.set([...colourLevel(level), 255], 4 * ((ROWS - 1 - row) * columns + column));
    }
  }
  return image;
}
