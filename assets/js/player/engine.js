// Plays several decoded tracks on one Web Audio clock, so that they stay together to the sample. Draws nothing.
import { toGain } from "../format.js";
import { interleave, wavHeader } from "./wav.js";

const FADE = 0.008; // seconds; long enough to hide a click, too short to hear
const MEMORY_LIMIT = 6.5e8; // bytes of decoded audio, about six minutes of five stereo tracks at 44.1 kHz
const pause = () => new Promise((resolve) => setTimeout(resolve));

/** Gives samples' memory back at once, which the garbage collector may not do for long. @param {Float32Array} samples */
function free(samples) {
  const { port1, port2 } = new MessageChannel();
  port2.close(); // so that what is given to it is dropped
  port1.postMessage(null, [samples.buffer]);
}

/** What sounds: all stems, the mixture, the mixture minus the stems, or, in a comparison, one track by its index. */
/** @typedef {"stems" | "mixture" | "null" | number} View */

export class Engine {
  /** @type {Track[]} */ tracks = [];
  /** @type {View} */ view = "stems";
  /** @type {Decibels} */ masterDb = 0;
  /** @type {Loop | null} */ loop = null;
  /** @type {Seconds} where it stands while it does not play */ offset = 0;
  /** @type {{sources: AudioBufferSourceNode[], gates: GainNode[], started: Seconds} | null} */ running = null;
  /** @type {AudioContext | undefined} made at the first click: browsers keep one made earlier silent */ context;
  aborter = new AbortController();
  sampleRate = 44100; // Hz
  length = 0; // samples
  /** @type {Seconds} */ duration = 0;
  folded = false; // whether tracks became mono to save memory
  matched = true; // whether a comparison plays all tracks equally loud

  get mixture() {
    return this.tracks.find((track) => track.kind === "mixture");
  }
  get stems() {
    return this.tracks.filter((track) => track.kind !== "mixture");
  }
  get playing() {
    return this.running !== null;
  }

  /**
   * @param {SentTrack[]} tracks @param {number} sampleRate in Hz
   * @param {(track: SentTrack, n: number, total: number) => void} announce
   */
  async load(tracks, sampleRate, announce) {
    this.sampleRate = sampleRate || this.sampleRate;
    const decoder = new OfflineAudioContext(2, 1, this.sampleRate);
    for (const [index, track] of tracks.entries()) {
      announce(track, index + 1, tracks.length);
      const answer = await fetch(track.file.url, { signal: this.aborter.signal });
      if (!answer.ok) throw Object.assign(new Error(`HTTP ${answer.status}`), { track });
      let buffer;
      try {
        buffer = await decoder.decodeAudioData(await answer.arrayBuffer());
      } catch (error) {
        throw Object.assign(/** @type {Error} */ (error), { track });
      }
      if (this.aborter.signal.aborted) throw new DOMException("replaced", "AbortError");
      buffer = this.fold(buffer, tracks.length);
      this.tracks.push(
        /** @type {Track} */ ({ ...track, buffer, db: 0, mute: false, solo: false, matchDb: track.gain_db || 0 }),
      );
    }
    this.length = Math.max(...this.tracks.map((track) => track.buffer.length));
    this.duration = this.length / this.sampleRate;
  }

  // Above the memory limit all tracks become mono; one track is decoded at a time, so the peak stays low as well.
  /** @param {AudioBuffer} buffer @param {number} count of tracks */
  fold(buffer, count) {
    if (buffer.length * buffer.numberOfChannels * 4 * count <= MEMORY_LIMIT || buffer.numberOfChannels === 1)
      return buffer;
    this.folded = true;
    const mono = new AudioBuffer({ length: buffer.length, numberOfChannels: 1, sampleRate: buffer.sampleRate });
    const sum = mono.getChannelData(0);
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
      const data = buffer.getChannelData(channel);
      for (let n = 0; n < sum.length; n++) sum[n] += data[n] / buffer.numberOfChannels;
      free(data);
    }
    return mono;
  }

  // Returns the audio context; the first call makes it, with a fader for each track.
  connect() {
    if (this.context) return this.context;
    const context = new AudioContext({ sampleRate: this.sampleRate, latencyHint: "interactive" });
    this.master = context.createGain();
    this.meter = context.createAnalyser();
    this.meter.fftSize = 2048;
    this.master.connect(this.meter).connect(context.destination);
    for (const track of this.tracks) {
      track.node = context.createGain();
      track.node.gain.value = this.gainOf(track);
      track.node.connect(this.master);
    }
    this.master.gain.value = toGain(this.masterDb);
    this.context = context;
    return context;
  }

  /** The amplitude at which a track sounds. @param {Track} track */
  gainOf(track) {
    const isMixture = track.kind === "mixture";
    if (typeof this.view === "number")
      return this.tracks[this.view] === track ? toGain(this.matched ? track.matchDb : 0) : 0;
    if (this.view === "null") return isMixture ? 1 : -1;
    if (this.view === "mixture" || isMixture) return this.view === "mixture" && isMixture ? 1 : 0;
    const soloed = this.stems.some((stem) => stem.solo);
    return track.mute || (soloed && !track.solo) ? 0 : toGain(track.db);
  }

  // Moves every fader to its state, within a few milliseconds: a switch has no gap and no click.
  apply() {
    if (!this.context) return;
    const now = this.context.currentTime;
    for (const track of this.tracks) track.node.gain.setTargetAtTime(this.gainOf(track), now, FADE / 3);
    this.master?.gain.setTargetAtTime(toGain(this.masterDb), now, FADE / 3);
  }

  get position() {
    if (!this.running || !this.context) return this.offset;
    let at = this.offset + Math.max(0, this.context.currentTime - this.running.started);
    if (this.loop && at >= this.loop.end && this.offset < this.loop.end) {
      at = this.loop.start + ((at - this.loop.start) % (this.loop.end - this.loop.start));
    }
    return Math.min(at, this.duration);
  }

  async play() {
    if (this.playing || !this.tracks.length) return;
    await this.connect().resume();
    if (this.offset >= this.duration - 0.01) this.offset = 0;
    this.start();
  }

  start() {
    const context = this.connect();
    const started = context.currentTime + 0.03; // one moment for all, a little ahead, so none is late
    const { loop } = this;
    /** @type {GainNode[]} */
    const gates = [];
    const sources = this.tracks.map((track) => {
      const source = new AudioBufferSourceNode(context, { buffer: track.buffer });
      if (loop && this.offset < loop.end)
        Object.assign(source, { loop: true, loopStart: loop.start, loopEnd: loop.end });
      const gate = context.createGain();
      gate.gain.setValueAtTime(0, started);
      gate.gain.linearRampToValueAtTime(1, started + FADE);
      source.connect(gate).connect(track.node);
      source.start(started, this.offset);
      gates.push(gate);
      return source;
    });
    this.running = { sources, gates, started };
  }

  halt() {
    if (!this.running || !this.context) return;
    const { sources, gates } = this.running;
    const now = this.context.currentTime;
    for (const gate of gates) {
      gate.gain.cancelScheduledValues(now);
      gate.gain.setTargetAtTime(0, now, FADE / 3);
    }
    for (const source of sources) source.stop(now + 3 * FADE);
    this.running = null;
  }

  pause() {
    if (!this.playing) return;
    this.offset = this.position;
    this.halt();
  }

  /** @param {Seconds} seconds */
  seek(seconds) {
    const wasPlaying = this.playing;
    if (wasPlaying) this.halt();
    this.offset = Math.min(Math.max(0, seconds), this.duration);
    if (wasPlaying) this.start();
  }

  /** @param {Loop | null} loop */
  setLoop(loop) {
    const at = this.position;
    this.loop = loop;
    this.seek(loop && (at < loop.start || at >= loop.end) ? loop.start : at);
  }

  // True once the last sample has been played and nothing repeats.
  get ended() {
    return this.playing && !this.loop && this.position >= this.duration;
  }

  stop() {
    if (this.playing) this.halt();
    this.offset = 0;
  }

  // Peak of what sounds right now, in dB of full scale.
  peakDb() {
    if (!this.playing || !this.meter) return -Infinity;
    const samples = new Float32Array(this.meter.fftSize);
    this.meter.getFloatTimeDomainData(samples);
    let peak = 0;
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
    return 20 * Math.log10(peak);
  }

  // Adds up tracks × gains for samples [from, to) of one channel into `out`.
  /** @param {number[]} gains @param {number} channel @param {number} from @param {Float32Array} out */
  sum(gains, channel, from, out) {
    out.fill(0);
    this.tracks.forEach((track, index) => {
      const gain = gains[index];
      if (!gain) return;
      const data = track.buffer.getChannelData(Math.min(channel, track.buffer.numberOfChannels - 1));
      const count = Math.min(out.length, data.length - from);
      for (let n = 0; n < count; n++) out[n] += gain * data[from + n];
    });
  }

  get channels() {
    return Math.max(...this.tracks.map((track) => track.buffer.numberOfChannels));
  }

  // Level of (mixture - all stems) below the mixture, in dB; Infinity when they are equal.
  async nullLevel() {
    const gains = this.tracks.map((track) => (track.kind === "mixture" ? 1 : -1));
    const only = this.tracks.map((track) => (track.kind === "mixture" ? 1 : 0));
    const block = 1 << 18;
    let error = 0,
      song = 0;
    for (let from = 0; from < this.length; from += block) {
      const out = new Float32Array(Math.min(block, this.length - from));
      for (let channel = 0; channel < this.channels; channel++) {
        this.sum(gains, channel, from, out);
        for (const x of out) error += x * x;
        this.sum(only, channel, from, out);
        for (const x of out) song += x * x;
      }
      await pause();
    }
    return error === 0 ? Infinity : 10 * Math.log10(song / error);
  }

  // What sounds (or its loop region) as a WAV: 24 bits, or floats when the mix is louder than full scale.
  async exportWav() {
    const gains = this.tracks.map((track) => this.gainOf(track) * toGain(this.masterDb));
    const first = this.loop ? Math.round(this.loop.start * this.sampleRate) : 0;
    const last = this.loop ? Math.round(this.loop.end * this.sampleRate) : this.length;
    const peak = await this.scan(gains, first, last);
    const asFloat = peak > 1;
    /** @type {BlobPart[]} */
    const parts = [wavHeader(last - first, this.channels, this.sampleRate, asFloat)];
    await this.scan(gains, first, last, (channels) => {
      parts.push(interleave(channels, asFloat));
    });
    return new Blob(parts, { type: "audio/wav" });
  }

  /**
   * Passes the mix of samples [first, last) to `use` in blocks, and returns its peak.
   * @param {number[]} gains @param {number} first @param {number} last
   * @param {(channels: Float32Array[]) => void} [use]
   */
  async scan(gains, first, last, use) {
    let peak = 0;
    for (let from = first; from < last; from += 1 << 17) {
      const size = Math.min(1 << 17, last - from);
      const channels = Array.from({ length: this.channels }, () => new Float32Array(size));
      channels.forEach((out, channel) => {
        this.sum(gains, channel, from, out);
        for (const x of out) peak = Math.max(peak, Math.abs(x));
      });
      use?.(channels);
      await pause();
    }
    return peak;
  }

  close() {
    this.aborter.abort();
    if (this.playing) this.halt();
    this.context?.close();
    this.tracks = [];
  }
}
