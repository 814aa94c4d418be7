// How times, levels and counts are written.

/** Seconds as m:ss.s. @param {Seconds} seconds */
export const formatTime = (seconds) => {
  const tenths = Math.round(Math.max(0, seconds) * 10);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${((tenths - minutes * 600) / 10).toFixed(1).padStart(4, "0")}`;
};

/** A duration in the two units that matter: "2 h 5 min". @param {Seconds} seconds */
export const formatDuration = (seconds) => {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours >= 48) return `${Math.round(hours / 24)} d`;
  return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min` : `${Math.round(seconds)} s`;
};

/** A level with its sign. @param {Decibels} db */
export const formatSigned = (db) => `${db > 0 ? "+" : ""}${db.toFixed(1)}`;

/** @param {number} share */
export const formatPercent = (share) => `${Math.round(100 * share)} %`;

/** @param {number} count */
export const formatMillions = (count) => (count >= 1e6 ? `${(count / 1e6).toFixed(1)} M` : count.toLocaleString());

/** Four significant digits, in exponential form outside of 0.001 to 100,000. @param {number} value */
export const formatShort = (value) => {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 0.001 && size < 1e5 ? String(Number(value.toPrecision(4))) : value.toExponential(1);
};

/** The amplitude of a level; -60 dB, a fader's lower end, is silence. @param {Decibels} db */
export const toGain = (db) => (db <= -60 ? 0 : 10 ** (db / 20));
