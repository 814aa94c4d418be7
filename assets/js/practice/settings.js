// What the browser remembers of a song: tempo, faders, loop, markers. Without storage nothing is remembered.

const KEY = "sori-practice";
const VERSION = 1;
const MOST_SONGS = 100;

/** @typedef {{version: number, songs: [song: string, settings: any][]}} Stored the song used last at the end */

/** @returns {Stored} */
function readStored() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "");
    if (stored.version === VERSION && Array.isArray(stored.songs)) return stored;
  } catch {
    // nothing stored, or no storage
  }
  return { version: VERSION, songs: [] };
}

/** @param {string} song */
export function loadSettings(song) {
  const found = readStored().songs.find(([name]) => name === song);
  return found ? found[1] : null;
}

/** @param {string} song @param {unknown} settings */
export function saveSettings(song, settings) {
  const songs = readStored().songs.filter(([name]) => name !== song);
  songs.push([song, settings]);
  try {
    localStorage.setItem(KEY, JSON.stringify({ version: VERSION, songs: songs.slice(-MOST_SONGS) }));
  } catch {
    // full, or no storage
  }
}

/** @param {unknown} value @param {number} lowest @param {number} highest @param {number} fallback */
const number = (value, lowest, highest, fallback) =>
  typeof value === "number" && Number.isFinite(value) ? Math.min(highest, Math.max(lowest, value)) : fallback;

/** @param {import("../player/engine.js").Engine} engine */
export const describeEngine = ({ tempo, semitones, masterDb, loop, click, tracks }) => ({
  tempo,
  semitones,
  masterDb,
  loop,
  click,
  tracks: tracks.map(({ kind, name, db, pan, mute, solo }) => ({ kind, name, db, pan, mute, solo })),
});

/** Sets what `describeEngine` gave; anything else is left out. @param {import("../player/engine.js").Engine} engine @param {any} found */
export function restoreEngine(engine, found) {
  engine.tempo = number(found.tempo, 0.5, 1.5, 1);
  engine.semitones = Math.round(number(found.semitones, -12, 12, 0));
  engine.masterDb = number(found.masterDb, -60, 12, 0);
  const [start, end] = [found.loop?.start, found.loop?.end].map((at) => number(at, 0, engine.duration, 0));
  engine.loop = end - start > 0.05 ? { start, end } : null;
  engine.click = {
    on: found.click?.on === true,
    countIn: found.click?.countIn === true,
    db: number(found.click?.db, -60, 12, engine.click.db),
  };
  for (const track of engine.tracks) {
    const saved = found.tracks?.find?.(
      (/** @type {any} */ other) => other?.kind === track.kind && other.name === track.name,
    );
    if (!saved || track.kind === "mixture") continue;
    track.db = number(saved.db, -60, 12, 0);
    track.pan = number(saved.pan, -1, 1, 0);
    track.mute = saved.mute === true;
    track.solo = saved.solo === true;
  }
}
