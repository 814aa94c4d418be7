// What all spectrograms share: the palette of the pictures that the server draws, and rows on a mel scale.

const MAGMA = [
  [0, 0, 4],
  [40, 17, 89],
  [101, 26, 128],
  [158, 47, 127],
  [213, 68, 109],
  [245, 112, 92],
  [254, 176, 120],
  [252, 253, 191],
];

/** Red, green and blue of a level from 0 to 1. @param {number} level */
export function colourLevel(level) {
  const at = Math.min(0.9999, Math.max(0, level)) * (MAGMA.length - 1);
  const [low, share] = [Math.floor(at), at % 1];
  return MAGMA[low].map((value, n) => value + (MAGMA[low + 1][n] - value) * share);
}

/** O'Shaughnessy's mel scale. @param {number} hz */
export const toMel = (hz) => 2595 * Math.log10(1 + hz / 700);

/**
 * First bin of each row, and one past the last: equal steps of mel up to half the rate.
 * @param {number} rate in Hz @param {number} size of the transform @param {number} rows
 */
export function rowEdges(rate, size, rows) {
  return Array.from({ length: rows + 1 }, (_, row) => {
    const hz = 700 * (10 ** (((row / rows) * toMel(rate / 2)) / 2595) - 1);
    return Math.round((hz / rate) * size);
  });
}
