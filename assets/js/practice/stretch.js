// Slower, faster, higher, lower, for all channels as one: Signalsmith Stretch changes the tempo; the pitch is changed by
// stretching further and reading the result faster, which is in tune where its own transposition is off by up to 12 cents.
import { reachOf, resample } from "./resample.js";

const PIECE = 4096; // stretched samples per call
const GREATEST_RATIO = 4; // song samples per stretched one: 150 % of the tempo an octave lower needs 3

/** @type {Promise<any> | undefined} */ let processorClass;

/** The class that the library registers in an audio worklet, whose scope it gets here. @param {() => Promise<any>} load */
function readProcessor(load) {
  processorClass ??= (async () => {
    const scope = /** @type {any} */ (globalThis);
    let registered = null;
    scope.AudioWorkletProcessor = class {
      constructor(/** @type {any} */ options) {
        this.port = { postMessage: options.opened };
      }
    };
    scope.registerProcessor = (/** @type {string} */ _name, /** @type {unknown} */ processor) => {
      registered = processor;
    };
    await load();
    delete scope.AudioWorkletProcessor;
    delete scope.registerProcessor;
    return registered;
  })();
  return processorClass;
}

/**
 * @param {() => Promise<any>} load imports the library @param {number} channels @param {number} sampleRate in Hz
 * @returns {Promise<Stretch>}
 */
export async function openStretch(load, channels, sampleRate) {
  const Processor = await readProcessor(load);
  Object.assign(globalThis, { sampleRate });
  /** @type {any} */ let processor;
  await new Promise((opened) => {
    processor = new Processor({ numberOfOutputs: 1, outputChannelCount: [channels], opened });
  });
  return new Stretch(processor.wasmModule, channels);
}

/** Takes what StretchedSong sends, in order. */
export class Stretch {
  /** @type {Float32Array[]} stretched samples that are not yet read */ stretched = [];
  first = 0; // where they begin, counted from the start of what is played
  skip = 0; // stretched samples to leave out: those before its start
  done = 0; // samples given
  pitch = 1;

  /** @param {any} library its WebAssembly @param {number} channels */
  constructor(library, channels) {
    this.library = library;
    this.channels = channels;
    this.delays = { input: library._inputLatency(), output: library._outputLatency() };
    this.history = library._blockSamples() + library._intervalSamples();
    this.capacity = Math.max(this.history, GREATEST_RATIO * PIECE);
    this.address = library._setBuffers(channels, this.capacity);
  }

  /** The library's buffer of a channel; those of what it gives follow those that it takes. @param {number} index */
  buffer(index) {
    return new Float32Array(this.library.HEAP8.buffer, this.address + 4 * index * this.capacity, this.capacity);
  }

  /**
   * Begins anew. @param {Float32Array[]} before `history` samples before the first ones
   * @param {number} tempo 1 as in the song @param {number} pitch a factor
   */
  start(before, tempo, pitch) {
    this.pitch = pitch;
    this.done = 0;
    this.first = -reachOf(pitch);
    this.skip = 2 * this.delays.output + this.first;
    this.stretched = before.map(() => new Float32Array(0));
    this.library._reset();
    before.forEach((samples, channel) => this.buffer(channel).set(samples));
    this.library._seek(this.history, tempo / pitch);
  }

  /**
   * @param {Float32Array[]} song the next samples of each channel @param {number} frames stretched samples they become
   * @param {number} count of samples to give
   */
  process(song, frames, count) {
    const parts = song.map((samples, channel) => {
      const kept = new Float32Array(this.stretched[channel].length + frames);
      kept.set(this.stretched[channel]);
      return kept;
    });
    for (let from = 0; from < frames; from += PIECE) {
      const to = Math.min(frames, from + PIECE);
      const [begin, end] = [from, to].map((place) => Math.round((song[0].length * place) / frames));
      song.forEach((samples, channel) => this.buffer(channel).set(samples.subarray(begin, end)));
      this.library._process(end - begin, to - from);
      parts.forEach((part, channel) => {
        const made = this.buffer(this.channels + channel).subarray(0, to - from);
        part.set(made, this.stretched[channel].length + from);
      });
    }
    this.stretched = parts.map((part) => part.subarray(this.skip));
    this.skip = 0;
    return this.read(count);
  }

  /** @param {number} count */
  read(count) {
    const from = this.done * this.pitch - this.first;
    const out =
      this.pitch === 1
        ? this.stretched.map((samples) => samples.slice(from, from + count))
        : resample(this.stretched, from, this.pitch, count);
    this.done += count;
    const used = Math.floor(this.done * this.pitch) - reachOf(this.pitch) - this.first;
    this.stretched = this.stretched.map((samples) => samples.slice(used));
    this.first += used;
    return out;
  }
}
