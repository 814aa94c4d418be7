// A song in overlapping segments, as separator/inference/overlap_add.py, whose picture shows them.

/**
 * Hop and length of a segment in samples. @param {Segmentation} segmentation @param {number} hopLength of a frame
 */
export const segmentSamples = ({ hop, context, lookahead, fade }, hopLength) => ({
  hop: hop * hopLength,
  length: (hop + context + lookahead + fade - 1) * hopLength,
});

/**
 * Begin and end of every segment; the last one is shorter, but longer than the overlap.
 * @param {number} samples of the song @param {{hop: number, length: number}} segment
 */
export function cut(samples, { hop, length }) {
  const places = [];
  let begin = 0;
  for (; samples - begin > length; begin += hop) places.push({ begin, end: begin + length });
  return [...places, { begin, end: samples }];
}

/**
 * Weights of a segment's frames; at every frame of a song those of all segments add up to 1.
 * @param {number} frames @param {Segmentation} segmentation @param {boolean} isFirst @param {boolean} isLast
 */
export function segmentWeights(frames, { hop, context, fade }, isFirst, isLast) {
  const clamp = (/** @type {number} */ value) => Math.min(1, Math.max(0, value));
  return Float32Array.from({ length: frames }, (_, frame) => {
    const position = frame - context + 0.5;
    return (isFirst ? 1 : clamp(position / fade)) - (isLast ? 0 : clamp((position - hop) / fade));
  });
}
