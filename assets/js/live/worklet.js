// Between the sound card and the Worker, on the audio thread: what comes in goes out in chunks, stems come back in chunks
// and are played a fixed time later. One that is not there in time is silence and counts as a glitch.

export const CHUNK = 1024; // samples, a multiple of a render quantum

export class StemQueue {
  /** @type {Map<number, Float32Array[][]>} by number of the chunk */ chunks = new Map();
  glitches = 0;
  isMissing = false;

  /** @param {number} store samples from the arrival of a chunk to the moment that its stems are due */
  constructor(store) {
    this.store = store;
  }

  /** @param {number} chunk its number @param {Float32Array[][]} stems channels of each */
  add(chunk, stems) {
    this.chunks.set(chunk, stems);
  }

  /** Fills the channels of each stem with what is due. @param {number} at sample of the stream @param {Float32Array[][]} stems */
  play(at, stems) {
    const due = at - this.store;
    const chunk = Math.floor(due / CHUNK);
    const found = this.chunks.get(chunk);
    if (found) {
      const from = due - chunk * CHUNK;
      stems.forEach((stem, s) =>
        stem.forEach((channel, c) => channel.set(found[s][c].subarray(from, from + channel.length))),
      );
    } else if (due >= 0 && !this.isMissing) this.glitches++;
    this.isMissing = due >= 0 && !found;
    for (const number of this.chunks.keys()) if (number < chunk) this.chunks.delete(number);
  }
}

if (typeof AudioWorkletProcessor !== "undefined") {
  class LiveProcessor extends AudioWorkletProcessor {
    at = 0; // samples since the start
    load = 0;
    skipped = 0;
    /** @type {Float32Array[]} */ chunk = [];
    /** @type {MessagePort | null} to the Worker */ worker = null;
    isOver = false; // once it was sent no port

    /** @param {{processorOptions: {store: number, channels: number}}} options */
    constructor({ processorOptions: { store, channels } }) {
      super();
      this.channels = channels;
      this.queue = new StemQueue(store);
      this.port.onmessage = ({ data: { worker } }) => {
        this.worker = worker;
        this.isOver = !worker;
        worker?.addEventListener("message", (/** @type {MessageEvent<StreamedStems>} */ { data }) => this.take(data));
        worker?.start();
      };
    }

    /** @param {StreamedStems} answer of the Worker */
    take({ chunk, stems, load, skipped }) {
      this.queue.add(chunk, stems);
      Object.assign(this, { load, skipped });
    }

    /** @param {Float32Array[][]} inputs @param {Float32Array[][]} outputs a stem each */
    process([input], outputs) {
      if (!this.worker) return !this.isOver;
      const length = outputs[0][0].length;
      const from = this.at % CHUNK;
      if (!from) this.chunk = Array.from({ length: this.channels }, () => new Float32Array(CHUNK));
      input.forEach((channel, c) => this.chunk[c].set(channel, from));
      this.queue.play(this.at, outputs);
      this.at += length;
      if (this.at % CHUNK) return true;
      const chunk = this.at / CHUNK - 1;
      this.worker.postMessage(
        { chunk, channels: this.chunk },
        this.chunk.map(({ buffer }) => buffer),
      );
      if (chunk % 8 === 0) {
        const { load, skipped } = this;
        const begin = currentFrame + length - this.at;
        this.port.postMessage({ begin, seconds: this.at / sampleRate, load, glitches: this.queue.glitches + skipped });
      }
      return true;
    }
  }
  registerProcessor("sori-live", LiveProcessor);
}
