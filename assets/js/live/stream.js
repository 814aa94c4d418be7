// The Worker's side of a stream: chunks come in from the audio thread, their stems go back.
import { LiveSeparator } from "./separator.js";
import { CHUNK } from "./worklet.js";

const SPARE_SECONDS = 0.1; // for a Worker that is woken late
const SPARE_RUNS = 2; // times the network alone, for all else that a step takes, and for a computer that becomes slower
const LOAD_SECONDS = 2;
const CHANNELS = 2;

export class Stream {
  /** @type {{chunk: number, channels: Float32Array[]}[]} */ queue = [];
  channels = CHANNELS;
  store = Infinity; // samples that stems wait until they are played
  isBusy = false;
  isClosed = false;
  load = 0; // processor time as a share of the stream's
  skipped = 0; // times that the network was left out, to catch up

  /**
   * @param {{model: ModelSettings, network: Network, kiss: KissFft}} loaded
   * @param {{port: MessagePort, rate: number, delay: Seconds}} stream @param {(error: unknown) => void} fail
   */
  constructor({ model, network, kiss }, { port, rate, delay }, fail) {
    this.separator = new LiveSeparator(model, network, kiss, { rate, channels: CHANNELS, delay });
    this.rate = rate;
    this.port = port;
    port.onmessage = ({ data }) => {
      this.queue.push(data);
      if (!this.isBusy) this.work().catch(fail);
    };
  }

  /** Measures how long stems have to wait: at most as long as a step, which then takes too long. */
  async open() {
    await this.separator.timeNetwork(); // the first one takes longer
    const run = SPARE_RUNS * (await this.separator.timeNetwork()) * this.rate;
    const samples = Math.min(this.separator.stepSamples, run) + SPARE_SECONDS * this.rate;
    this.store = CHUNK * Math.ceil(samples / CHUNK + 1);
  }

  /** Separates the chunks that wait. */
  async work() {
    this.isBusy = true;
    let wasLate = false;
    while (this.queue.length && !this.isClosed) {
      // What is late is not played, so that the time is better spent on what comes next.
      const isLate = this.queue.length * CHUNK > this.store;
      if (isLate && !wasLate) this.skipped++;
      wasLate = isLate;
      const { chunk, channels } = /** @type {{chunk: number, channels: Float32Array[]}} */ (this.queue.shift());
      const started = performance.now();
      const stems = await this.separator.push(channels, isLate);
      const share = ((performance.now() - started) / 1000) * (this.rate / CHUNK);
      this.load += (share - this.load) * Math.min(1, CHUNK / (LOAD_SECONDS * this.rate));
      const { load, skipped } = this;
      const buffers = stems.flat().map(({ buffer }) => buffer);
      this.port.postMessage({ chunk, stems, load, skipped }, buffers);
      await nextTask(); // lets chunks in that have come meanwhile
    }
    this.isBusy = false;
    if (this.isClosed) this.separator.close();
  }

  close() {
    this.isClosed = true;
    this.port.close();
    if (!this.isBusy) this.separator.close();
  }
}

/** Resolves after the messages that wait; timers would be held back for some milliseconds. */
function nextTask() {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve(null);
    };
    port2.postMessage(null);
  });
}
