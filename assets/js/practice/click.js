// A click on every beat, in time with what plays: a higher one where a bar begins.
import { beatsPlayed } from "./bars.js";

const LENGTH = 0.04; // seconds
const PITCH = { plain: 1000, accent: 1600 }; // Hz
const AHEAD = 2.5; // seconds that are planned: a page in the background is woken once in a second
const PERIOD = 400; // ms

/** A click's samples. @param {number} sampleRate in Hz @param {boolean} accent */
export function makeClick(sampleRate, accent) {
  const step = (2 * Math.PI * (accent ? PITCH.accent : PITCH.plain)) / sampleRate;
  return Float32Array.from(
    { length: Math.round(LENGTH * sampleRate) },
    (_, n) => 0.5 * Math.sin(step * n) * Math.exp((-6 * n) / (LENGTH * sampleRate)),
  );
}

/** The clicks of one playback. */
export class Clicks {
  /** @type {{source: AudioBufferSourceNode, at: Seconds}[]} */ planned = [];
  /** @type {Seconds} of the song since the playback began */ reached = 0;

  /**
   * @param {BaseAudioContext} context @param {AudioNode} out
   * @param {{started: Seconds, from: Seconds, loop: Loop | null, tempo: number}} playback that has begun
   * @param {SongAnalysis} analysis
   */
  constructor(context, out, playback, analysis) {
    this.context = context;
    this.out = out;
    this.playback = playback;
    this.analysis = analysis;
    this.buffers = [false, true].map((accent) => {
      const samples = makeClick(context.sampleRate, accent);
      const buffer = new AudioBuffer({ length: samples.length, sampleRate: context.sampleRate });
      buffer.getChannelData(0).set(samples);
      return buffer;
    });
    this.reached = Math.max(0, (context.currentTime - playback.started) * playback.tempo);
    this.timer = setInterval(() => this.plan(), PERIOD);
    this.plan();
  }

  plan() {
    const { started, from, loop, tempo } = this.playback;
    const now = this.context.currentTime;
    const end = (now + AHEAD - started) * tempo;
    if (end <= this.reached) return;
    for (const beat of beatsPlayed(this.analysis, from, loop, this.reached, end)) this.add(beat, this.out);
    this.reached = end;
    this.planned = this.planned.filter(({ at }) => at > now - LENGTH);
  }

  /** @param {import("./bars.js").Beat} beat since the playback began @param {AudioNode} out */
  add({ at, accent }, out) {
    const { started, tempo } = this.playback;
    const time = started + at / tempo;
    if (time < this.context.currentTime - LENGTH) return; // the page was not woken in time
    const source = new AudioBufferSourceNode(this.context, {
      buffer: this.buffers[Number(accent)],
    });
    source.connect(out);
    source.start(Math.max(0, time));
    this.planned.push({ source, at: time });
  }

  /** @param {Seconds} time of the audio clock from which none is to be heard */
  stop(time) {
    clearInterval(this.timer);
    for (const { source, at } of this.planned) if (at >= time) source.stop();
  }
}
