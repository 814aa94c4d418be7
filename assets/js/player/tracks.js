// The colours of tracks, as custom properties of style.css.
const KNOWN = [
  "mixture",
  "vocals",
  "accompaniment",
  "drums",
  "bass",
  "other",
  "rest",
  "reference",
  "a",
  "b",
  "error_a",
  "error_b",
];
const SPARE = ["--stem-vocals", "--stem-bass", "--stem-drums", "--stem-other"];

/** The custom property of a track's colour. @param {{kind: Kind}} track @param {number} index */
export const colourOf = (track, index) =>
  KNOWN.includes(track.kind) ? `--stem-${track.kind}` : SPARE[index % SPARE.length];
