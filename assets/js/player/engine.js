// Plays several decoded tracks on one Web Audio clock, so that they stay together to the sample. Draws nothing.
import { toGain } from "../format.js";
import { countIn, hasBeats } from "../practice/bars.js";
import { Clicks } from "../practice/click.js";
import { StretchWorker, StretchedSong } from "../practice/stretched_song.js";
import { decodeTracks } from "./decode_tracks.js";
import { DirectPlayback, FADE, StretchedPlayback } from "./playback.js";

const CHANGE_TIME = 0.3; // seconds until another tempo or pitch sounds

/** What sounds: all stems, the mixture, the mixture minus the stems, or, in a comparison, one track by its index. */
/** @typedef {"stems" | "mixture" | "null" | number} View */
/** @typedef {import("./playback.js").AnyPlayback} Playback */

export class Engine {
  /** @type {Track[]} */ tracks = [];
  /** @type {View} */ view = "stems";
  /** @type {Decibels} */ masterDb = 0;
  /** @type {Loop | null} */ loop = null;
  /** @type {Seconds} where it stands while it does not play */ offset = 0;
  /** @type {Playback | null} */ running = null;
  /** @type {AudioContext | undefined} made at the first click: browsers keep one made earlier silent */ context;
  /** @type {StretchWorker | null} */ stretcher = null;
  /** @type {(error: Error) => void} called when tempo and pitch cannot be changed here */ onProblem = () => {};
  /** @type {SongAnalysis | null} */ analysis = null;
  click = { on: false, countIn: false, db: /** @type {Decibels} */ (-6) };
  tempo = 1;
  semitones = 0;
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
  get stretched() {
    return this.tempo !== 1 || this.semitones !== 0;
  }
  /** All channels of all tracks, in order. */
  get channels() {
    return this.tracks.flatMap(({ buffer }) =>
      Array.from({ length: buffer.numberOfChannels }, (_, n) => buffer.getChannelData(n)),
    );
  }

  /**
   * @param {SentTrack[]} tracks @param {number} sampleRate in Hz
   * @param {(track: SentTrack, n: number, total: number) => void} announce
   */
  async load(tracks, sampleRate, announce) {
    this.sampleRate = sampleRate || this.sampleRate;
    const decoded = await decodeTracks(tracks, this.sampleRate, this.aborter.signal, announce);
    this.tracks = decoded.tracks;
    this.folded = decoded.folded;
    this.length = Math.max(...this.tracks.map((track) => track.buffer.length));
    this.duration = this.length / this.sampleRate;
  }

  // Returns the audio context; the first call makes it, with a fader and a panner for each track.
  connect() {
    if (this.context) return this.context;
    const context = new AudioContext({ sampleRate: this.sampleRate, latencyHint: "interactive" });
    this.master = context.createGain();
    this.meter = context.createAnalyser();
    this.meter.fftSize = 2048;
    this.master.connect(this.meter).connect(context.destination);
    for (const track of this.tracks) {
      track.node = context.createGain();
      // Two channels also for a mono track, so that the middle is as loud as without a panner.
      track.panner = new StereoPannerNode(context, { channelCount: 2, channelCountMode: "explicit" });
      track.node.connect(track.panner).connect(this.master);
    }
    this.clickOut = context.createGain();
    this.clickSwitch = context.createGain();
    this.clickSwitch.connect(this.clickOut).connect(this.master);
    this.context = context;
    this.setFaders((param, value) => {
      param.value = value;
    });
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
    this.setFaders((param, value) => param.setTargetAtTime(value, now, FADE / 3));
  }

  /** @param {(param: AudioParam, value: number) => void} set */
  setFaders(set) {
    for (const track of this.tracks) {
      set(track.node.gain, this.gainOf(track));
      set(track.panner.pan, track.pan);
    }
    if (this.master) set(this.master.gain, toGain(this.masterDb));
    if (this.clickOut) set(this.clickOut.gain, toGain(this.click.db));
    if (this.clickSwitch) set(this.clickSwitch.gain, Number(this.click.on));
  }

  get position() {
    if (!this.running || !this.context) return this.offset;
    return Math.min(this.running.positionAt(this.context.currentTime), this.duration);
  }

  async play() {
    if (this.playing || !this.tracks.length) return;
    await this.connect().resume();
    if (this.offset >= this.duration - 0.01) this.offset = 0;
    this.start(this.offset, { counted: this.click.countIn });
  }

  /**
   * @param {Seconds} from
   * @param {{at?: Seconds, counted?: boolean, previous?: Playback | null}} when at once, or at a time of the audio clock
   * until which another playback goes on; after a bar that is counted
   */
  async start(from, { at, counted = false, previous = null } = {}) {
    const running = this.makePlayback({ from, loop: this.loop, tempo: this.tempo });
    running.previous = previous;
    this.running = running;
    const beats = counted && hasBeats(this.analysis) ? countIn(this.analysis, from) : [];
    const lead = beats.length ? (from - beats[0].at) / this.tempo : 0;
    try {
      await running.begin({ at, lead });
    } catch (error) {
      this.giveUpStretching(/** @type {Error} */ (error), running);
      return;
    }
    if (running.stopped) return;
    this.followBeats(running);
    for (const beat of beats) if (this.clickOut) running.clicks?.add({ ...beat, at: beat.at - from }, this.clickOut);
  }

  /** @param {import("./playback.js").Course} course @returns {Playback} */
  makePlayback(course) {
    const context = this.connect();
    if (!this.stretched) return new DirectPlayback(context, this.tracks, course);
    const { channels, sampleRate, semitones } = this;
    const stretcher = this.openStretcher();
    /** @param {Seconds} seconds */
    const sample = (seconds) => Math.round(seconds * sampleRate);
    const loop = course.loop && course.from < course.loop.end ? course.loop : null;
    const song = new StretchedSong(stretcher, channels, sample(course.from), {
      tempo: course.tempo,
      semitones,
      loop: loop && { start: sample(loop.start), end: sample(loop.end) },
    });
    return new StretchedPlayback(context, this.tracks, course, song, this.duration);
  }

  openStretcher() {
    this.stretcher ??= new StretchWorker(this.channels.length, this.sampleRate);
    return this.stretcher;
  }

  /** Clicks on the beats of what plays. @param {Playback} playback */
  followBeats(playback) {
    playback.clicks?.stop(0);
    playback.clicks =
      this.clickSwitch && hasBeats(this.analysis)
        ? new Clicks(playback.context, this.clickSwitch, playback, this.analysis)
        : null;
  }

  /** @param {SongAnalysis | null} analysis */
  setAnalysis(analysis) {
    if (analysis === this.analysis) return;
    this.analysis = analysis;
    if (this.running && Number.isFinite(this.running.started)) this.followBeats(this.running);
  }

  /** Slower, faster, higher or lower, without a gap. @param {{tempo?: number, semitones?: number}} how */
  async change({ tempo = this.tempo, semitones = this.semitones }) {
    if (tempo === this.tempo && semitones === this.semitones) return;
    Object.assign(this, { tempo, semitones });
    const { running, context } = this;
    try {
      if (this.stretched) await this.openStretcher().opened;
    } catch (error) {
      this.giveUpStretching(/** @type {Error} */ (error), null);
      return;
    }
    if (!running || !context || this.running !== running) return;
    const at = context.currentTime + CHANGE_TIME;
    if (running.started < at) this.start(running.positionAt(at), { at, previous: running });
    else {
      const previous = running.previous; // what was to follow it has not begun
      const from = previous ? previous.positionAt(at) : running.from;
      running.previous = null;
      running.stop();
      if (previous) this.start(from, { at, previous });
      else this.start(from, { counted: this.click.countIn });
    }
  }

  /** @param {Error} error @param {Playback | null} playback that has not begun */
  giveUpStretching(error, playback) {
    this.stretcher?.close();
    this.stretcher = null;
    Object.assign(this, { tempo: 1, semitones: 0 });
    if (playback && this.running === playback) {
      const at = this.position;
      this.halt();
      this.start(at);
    }
    this.onProblem(error);
  }

  halt() {
    this.running?.stop();
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
    if (wasPlaying) this.start(this.offset);
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

  close() {
    this.aborter.abort();
    if (this.playing) this.halt();
    this.stretcher?.close();
    this.context?.close();
    this.tracks = [];
  }
}
