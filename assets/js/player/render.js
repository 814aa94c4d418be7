// Adds up the tracks of an engine into a file, or into a number.
import { toGain } from "../format.js";
import { beatsIn, hasBeats } from "../practice/bars.js";
import { makeClick } from "../practice/click.js";
import { StretchWorker, StretchedSong, readSamples } from "../practice/stretched_song.js";
import { interleave, wavHeader } from "./wav.js";

/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {[left: number, right: number][]} Matrix what each channel of a track gives to left and right */

const BLOCK = 1 << 17; // samples
const pause = () => new Promise((resolve) => setTimeout(resolve));

/**
 * What StereoPannerNode does to two channels, times a gain: the side that is turned away moves to the other.
 * @param {number} pan from -1, left, to 1, right @param {number} gain @returns {Matrix}
 */
export function panMatrix(pan, gain) {
  const angle = (Math.PI / 2) * (pan <= 0 ? pan + 1 : pan);
  const [stays, moves] = pan <= 0 ? [Math.sin(angle), Math.cos(angle)] : [Math.cos(angle), Math.sin(angle)];
  if (pan === 0) return [[gain, 0], [0, gain]]; // prettier-ignore
  return pan < 0
    ? [[gain, 0], [gain * moves, gain * stays]] // prettier-ignore
    : [[gain * stays, gain * moves], [0, gain]]; // prettier-ignore
}

/** @param {Float32Array} out @param {Float32Array} data @param {number} gain */
function add(out, data, gain) {
  if (gain) for (let n = 0; n < out.length; n++) out[n] += gain * data[n];
}

/**
 * @param {Engine} engine @param {Float32Array[]} channels of all tracks, of one length
 * @param {Matrix[]} matrices by track @param {number} count of channels to make
 */
function mix(engine, channels, matrices, count) {
  const out = Array.from({ length: count }, () => new Float32Array(channels[0].length));
  let first = 0;
  engine.tracks.forEach(({ buffer }, index) => {
    const own = channels.slice(first, (first += buffer.numberOfChannels));
    const inputs = count === 2 ? [own[0], own[own.length - 1]] : own; // a mono track is on both sides
    inputs.forEach((data, from) => out.forEach((side, to) => add(side, data, matrices[index][from][to])));
  });
  return out;
}

/** The widest track's channels: one or two, as decoded. @param {Engine} engine */
const widthOf = (engine) => Math.max(...engine.tracks.map(({ buffer }) => buffer.numberOfChannels));

// Level of (mixture - all stems) below the mixture, in dB; Infinity when they are equal.
/** @param {Engine} engine */
export async function measureNull(engine) {
  const isMixture = engine.tracks.map((track) => track.kind === "mixture");
  const difference = isMixture.map((is) => panMatrix(0, is ? 1 : -1));
  const only = isMixture.map((is) => panMatrix(0, is ? 1 : 0));
  const width = widthOf(engine);
  let error = 0,
    song = 0;
  for (let from = 0; from < engine.length; from += BLOCK) {
    const count = Math.min(BLOCK, engine.length - from);
    const channels = engine.channels.map((data) => readSamples(data, from, count, null));
    for (const data of mix(engine, channels, difference, width)) for (const x of data) error += x * x;
    for (const data of mix(engine, channels, only, width)) for (const x of data) song += x * x;
    await pause();
  }
  return error === 0 ? Infinity : 10 * Math.log10(song / error);
}

// What sounds, or its loop region, as a WAV.
/** @param {Engine} engine */
export function exportMix(engine) {
  const master = toGain(engine.masterDb);
  const matrices = engine.tracks.map((track) => panMatrix(track.pan, engine.gainOf(track) * master));
  const width = engine.tracks.some((track) => track.pan) ? 2 : widthOf(engine);
  return exportWav(engine, matrices, width, planClicks(engine, ...regionOf(engine)));
}

// One track, or its part in the loop region, as a WAV, at the tempo and pitch that sound but at its own level: the
// stems of a region add up to the song's.
/** @param {Engine} engine @param {Track} track */
export function exportTrack(engine, track) {
  const matrices = engine.tracks.map((other) => panMatrix(0, other === track ? 1 : 0));
  return exportWav(engine, matrices, widthOf(engine), []);
}

/** First and last sample of what is exported. @param {Engine} engine @returns {[first: number, last: number]} */
function regionOf({ loop, sampleRate, length }) {
  return loop ? [Math.round(loop.start * sampleRate), Math.round(loop.end * sampleRate)] : [0, length];
}

/**
 * 24 bits, or floats when the mix is louder than full scale.
 * @param {Engine} engine @param {Matrix[]} matrices by track @param {number} width channels
 * @param {ReturnType<typeof planClicks>} clicks
 */
async function exportWav(engine, matrices, width, clicks) {
  const { sampleRate, tempo } = engine;
  const [first, last] = regionOf(engine);
  const frames = Math.round((last - first) / tempo);
  /** @type {Blob[]} as floats, which take no memory once they are in a Blob */
  const parts = [];
  let peak = 0;
  const { read, close } = openTracks(engine, first);
  for (let from = 0; from < frames; from += BLOCK) {
    const count = Math.min(BLOCK, frames - from);
    const mixed = mix(engine, await read(count), matrices, width);
    for (const click of clicks) addClick(mixed, click, from);
    for (const data of mixed) for (const x of data) peak = Math.max(peak, Math.abs(x));
    parts.push(new Blob([interleave(mixed, true)]));
    await pause();
  }
  close();
  const header = wavHeader(frames, width, sampleRate, peak > 1);
  if (peak > 1) return new Blob([header, ...parts], { type: "audio/wav" });
  const packed = [];
  for (const part of parts) packed.push(new Blob([interleave([new Float32Array(await part.arrayBuffer())], false)]));
  return new Blob([header, ...packed], { type: "audio/wav" });
}

/** @param {Engine} engine @param {number} first sample */
function openTracks(engine, first) {
  const { channels, sampleRate, tempo, semitones } = engine;
  if (engine.stretched) {
    const worker = new StretchWorker(channels.length, sampleRate);
    const song = new StretchedSong(worker, channels, first, { tempo, semitones });
    return { read: (/** @type {number} */ count) => song.read(count), close: () => worker.close() };
  }
  let at = first;
  /** @param {number} count */
  const read = async (count) => {
    at += count;
    return channels.map((data) => readSamples(data, at - count, count, null));
  };
  return { read, close: () => {} };
}

/**
 * Clicks that sound in samples [first, last) of the song, with where they begin in the file.
 * @param {Engine} engine @param {number} first @param {number} last
 */
function planClicks({ analysis, click, sampleRate, tempo, masterDb }, first, last) {
  if (!click.on || !hasBeats(analysis)) return [];
  const gain = toGain(click.db) * toGain(masterDb);
  const samples = [false, true].map((accent) => makeClick(sampleRate, accent).map((x) => gain * x));
  return beatsIn(analysis, first / sampleRate, last / sampleRate).map(({ at, accent }) => ({
    begin: Math.round((at * sampleRate - first) / tempo),
    samples: samples[Number(accent)],
  }));
}

/** @param {Float32Array[]} mixed @param {{begin: number, samples: Float32Array}} click @param {number} from */
function addClick(mixed, { begin, samples }, from) {
  const start = Math.max(begin, from);
  const end = Math.min(begin + samples.length, from + mixed[0].length);
  for (let n = start; n < end; n++) for (const data of mixed) data[n - from] += samples[n - begin];
}
