// A song at another tempo and pitch, block by block: what playing and exporting have in common.
import { startWorker } from "../worker.js";
import { reachOf } from "./resample.js";

const WORKER = "js/practice/stretch_worker.js";
const LIBRARY = "vendor/signalsmith-stretch/SignalsmithStretch.esm.js";

/** The page's side of the Worker: answers come in the order of what was asked. */
export class StretchWorker {
  /** @type {{resolve: (answer: any) => void, reject: (error: Error) => void}[]} */ waiting = [];

  /** @param {number} channels @param {number} sampleRate in Hz */
  constructor(channels, sampleRate) {
    this.worker = startWorker(
      `const waiting = [];
      onmessage = (event) => waiting.push(event);
      import(urls["${WORKER}"]).then(
        (worker) => {
          worker.serve(self, () => import(urls["${LIBRARY}"]));
          waiting.forEach(onmessage);
        },
        (error) => setTimeout(() => { throw error; }),
      );`,
      [WORKER, LIBRARY],
    );
    this.worker.onmessage = ({ data }) => {
      const { resolve, reject } = /** @type {typeof this.waiting[0]} */ (this.waiting.shift());
      if (data.kind === "failed") reject(new Error(data.reason));
      else resolve(data);
    };
    this.worker.onerror = (event) => this.waiting.splice(0).forEach(({ reject }) => reject(new Error(event.message)));
    /** @type {Promise<Extract<StretchAnswer, {kind: "opened"}>>} */
    this.opened = this.ask({ kind: "open", channels, sampleRate });
    this.opened.catch(() => {}); // whoever reads awaits it
  }

  /** @param {StretchOrder} order @param {Float32Array[]} [given] away @returns {Promise<any>} */
  ask(order, given = []) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.worker.postMessage(
        order,
        given.map((samples) => samples.buffer),
      );
    });
  }

  close() {
    this.worker.terminate();
  }
}

/**
 * Samples [from, from + count) of a track's channel; those beyond its ends are zeros, those after a loop's its start.
 * @param {Float32Array} data @param {number} from @param {number} count
 * @param {{start: number, end: number} | null} loop in samples
 */
export function readSamples(data, from, count, loop) {
  const out = new Float32Array(count);
  for (let done = 0; done < count;) {
    let at = from + done;
    if (loop && at >= loop.end) at = loop.start + ((at - loop.end) % (loop.end - loop.start));
    const end = at < 0 ? 0 : (loop?.end ?? Infinity);
    const length = Math.min(count - done, end - at);
    if (at >= 0) out.set(data.subarray(at, at + length), done);
    done += length;
  }
  return out;
}

export class StretchedSong {
  begun = false;
  frames = 0; // stretched samples asked for
  done = 0; // samples read

  /**
   * @param {StretchWorker} worker in which no other song is read any more
   * @param {Float32Array[]} channels of all tracks @param {number} from in samples
   * @param {{tempo: number, semitones: number, loop?: {start: number, end: number} | null}} how the loop in samples
   */
  constructor(worker, channels, from, { tempo, semitones, loop = null }) {
    this.worker = worker;
    this.channels = channels;
    this.from = from;
    this.tempo = tempo;
    this.pitch = 2 ** (semitones / 12);
    this.loop = loop;
  }

  /** @param {number} from @param {number} to */
  song(from, to) {
    return this.channels.map((data) => readSamples(data, from, to - from, this.loop));
  }

  /** The next samples of every channel. @param {number} count @returns {Promise<Float32Array[]>} */
  async read(count) {
    const { pitch } = this;
    const ratio = this.tempo / pitch;
    const { delays, history } = await this.worker.opened;
    const start = Math.round(this.from + delays.input - ratio * delays.output);
    if (!this.begun) {
      const before = this.song(start - history, start);
      this.worker.ask({ kind: "start", before, tempo: this.tempo, pitch }, before).catch(() => {});
      this.begun = true;
    }
    this.done += count;
    const frames = 2 * delays.output + Math.ceil((this.done - 1) * pitch) + 1 + reachOf(pitch);
    const [from, to] = [this.frames, frames].map((place) => start + Math.round(ratio * place));
    const song = this.song(from, to);
    const asked = this.worker.ask({ kind: "process", song, frames: frames - this.frames, count }, song);
    this.frames = frames;
    return (await asked).channels;
  }
}
