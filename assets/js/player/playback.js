// What sounds from one start to the next: the tracks as they are, or at another tempo and pitch.

export const FADE = 0.008; // seconds; long enough to hide a click, too short to hear
const SOON = 0.03; // seconds: one moment for all tracks, a little ahead, so that none is late
const BLOCK = 8192; // samples
const AHEAD = 2; // seconds of blocks

/** @typedef {{from: Seconds, loop: Loop | null, tempo: number}} Course through the song */
/** @typedef {DirectPlayback | StretchedPlayback} AnyPlayback */

class Playback {
  /** @type {Seconds} of the audio clock, at which `from` sounds */ started = Infinity;
  /** @type {AnyPlayback | null} what sounds until then */ previous = null;
  /** @type {import("../practice/click.js").Clicks | null} */ clicks = null;
  /** @type {AudioBufferSourceNode[]} */ sources = [];
  stopped = false;

  /** @param {AudioContext} context @param {Track[]} tracks @param {Course} course */
  constructor(context, tracks, { from, loop, tempo }) {
    this.context = context;
    this.tracks = tracks;
    this.from = from;
    this.tempo = tempo;
    this.loop = loop && from < loop.end ? loop : null;
    this.gates = tracks.map((track) => {
      const gate = context.createGain();
      gate.gain.value = 0;
      gate.connect(track.node);
      return gate;
    });
  }

  /** Place in the song at a time of the audio clock. @param {Seconds} time @returns {Seconds} */
  positionAt(time) {
    if (time < this.started && this.previous) return this.previous.positionAt(time);
    this.previous = null;
    const at = this.from + this.tempo * Math.max(0, time - this.started);
    if (!this.loop || at < this.loop.end) return at;
    return this.loop.start + ((at - this.loop.start) % (this.loop.end - this.loop.start));
  }

  /** Fades in, and what came before it out. @param {Seconds} time */
  openGates(time) {
    for (const { gain } of this.gates) {
      gain.setValueAtTime(0, time);
      gain.linearRampToValueAtTime(1, time + FADE);
    }
    this.previous?.stop(time);
  }

  /** @param {number} track @param {AudioBuffer} buffer */
  addSource(track, buffer) {
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.gates[track]);
    this.sources.push(source);
    return source;
  }

  /** @param {Seconds} [time] */
  stop(time = this.context.currentTime) {
    this.stopped = true;
    for (const { gain } of this.gates) {
      gain.cancelScheduledValues(time);
      gain.setTargetAtTime(0, time, FADE / 3);
    }
    for (const source of this.sources) source.stop(time + 3 * FADE);
    this.clicks?.stop(time);
    this.previous?.stop(time);
  }
}

export class DirectPlayback extends Playback {
  /** @param {{at?: Seconds, lead: Seconds}} when at once, or at `at`, after `lead` */
  async begin({ at = this.context.currentTime + SOON, lead }) {
    this.started = at + lead;
    const { loop } = this;
    for (const [index, track] of this.tracks.entries()) {
      const source = this.addSource(index, track.buffer);
      if (loop) Object.assign(source, { loop: true, loopStart: loop.start, loopEnd: loop.end });
      source.start(this.started, this.from);
    }
    this.openGates(this.started);
  }
}

export class StretchedPlayback extends Playback {
  /** @param {AudioContext} context @param {Track[]} tracks @param {Course} course
   * @param {import("../practice/stretched_song.js").StretchedSong} song @param {Seconds} duration of the song */
  constructor(context, tracks, course, song, duration) {
    super(context, tracks, course);
    this.song = song;
    this.blocks = this.loop
      ? Infinity
      : Math.ceil(((duration - this.from) / this.tempo) * (context.sampleRate / BLOCK));
  }

  /** Resolves once the first block is there, on the way to which `at` may have passed. @param {{at?: Seconds, lead: Seconds}} when */
  async begin({ at, lead }) {
    const block = await this.song.read(BLOCK);
    if (this.stopped) return;
    const soon = this.context.currentTime + SOON;
    const time = (at ?? soon) + lead;
    this.started = Math.round(time * this.context.sampleRate) / this.context.sampleRate;
    this.openGates(Math.max(this.started, soon));
    this.schedule(block, 0);
    this.fill();
  }

  async fill() {
    const { context } = this;
    for (let n = 1; n < this.blocks; n++) {
      const ahead = this.started + (n * BLOCK) / context.sampleRate - context.currentTime;
      if (ahead > AHEAD) await new Promise((resolve) => setTimeout(resolve, 1000 * (ahead - AHEAD)));
      if (this.stopped) return;
      const block = await this.song.read(BLOCK);
      if (this.stopped) return;
      this.schedule(block, n);
    }
  }

  /** @param {Float32Array[]} channels of all tracks @param {number} index of the block */
  schedule(channels, index) {
    const { currentTime, sampleRate } = this.context;
    const time = this.started + (index * BLOCK) / sampleRate;
    const late = Math.max(0, currentTime + FADE - time);
    this.sources = this.sources.slice(-Math.ceil((2 * AHEAD * sampleRate) / BLOCK) * this.tracks.length);
    let first = 0;
    this.tracks.forEach((track, place) => {
      const { numberOfChannels } = track.buffer;
      const buffer = new AudioBuffer({ length: BLOCK, numberOfChannels, sampleRate });
      for (let n = 0; n < numberOfChannels; n++) buffer.getChannelData(n).set(channels[first + n]);
      first += numberOfChannels;
      if (late < buffer.duration) this.addSource(place, buffer).start(time + late, late);
    });
  }
}
