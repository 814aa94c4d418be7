// Corrections of a song's tempo: half of it, double of it, or the one that is tapped.

const LONGEST_GAP = 2.5; // seconds, after which tapping begins anew
const FEWEST_TAPS = 4;
const SAME = 0.06; // how far tapping may be off a tempo that it is taken for

/** Nothing known. @type {SongAnalysis} */
const UNKNOWN = {
  tempo_bpm: null,
  tempo_confidence: 0,
  beats: [],
  first_downbeat: 0,
  beats_per_bar: 4,
  key: null,
  tuning_cents: null,
  loudness: {},
};

/** Every second beat, the first of the bars among them. @param {SongAnalysis} analysis @returns {SongAnalysis} */
export function halveTempo(analysis) {
  const { beats, first_downbeat, tempo_bpm } = analysis;
  const parity = first_downbeat % 2;
  return {
    ...analysis,
    tempo_bpm: tempo_bpm && tempo_bpm / 2,
    beats: beats.filter((_, n) => n % 2 === parity),
    first_downbeat: (first_downbeat - parity) / 2,
  };
}

/** A beat more between every two. @param {SongAnalysis} analysis @returns {SongAnalysis} */
export function doubleTempo(analysis) {
  const { beats, first_downbeat, tempo_bpm } = analysis;
  return {
    ...analysis,
    tempo_bpm: tempo_bpm && 2 * tempo_bpm,
    beats: beats.flatMap((beat, n) => (n + 1 < beats.length ? [beat, (beat + beats[n + 1]) / 2] : [beat])),
    first_downbeat: 2 * first_downbeat,
  };
}

/**
 * Even beats through the whole song. @param {SongAnalysis | null} analysis @param {number} bpm
 * @param {Seconds} beat the time of one of them, which begins a bar @param {Seconds} duration
 * @returns {SongAnalysis}
 */
export function setTempo(analysis, bpm, beat, duration) {
  const period = 60 / bpm;
  const before = Math.floor(beat / period);
  const first = beat - before * period;
  const beats = Array.from({ length: Math.ceil((duration - first) / period) }, (_, n) => first + n * period);
  return {
    ...(analysis ?? UNKNOWN),
    tempo_bpm: bpm,
    tempo_confidence: 1,
    beats,
    first_downbeat: before % (analysis?.beats_per_bar ?? 4),
  };
}

export class Taps {
  /** @type {Seconds[]} */ times = [];

  /** The tempo of the last taps in bpm, or null while there are too few. @param {Seconds} time */
  add(time) {
    const gap = time - (this.times.at(-1) ?? time);
    if (gap < 0 || gap > LONGEST_GAP) this.times = [];
    this.times = [...this.times, time].slice(-16);
    const { times } = this;
    return times.length < FEWEST_TAPS ? null : (60 * (times.length - 1)) / (times[times.length - 1] - times[0]);
  }

  /** Where a beat is, at `bpm`, by all taps. @param {number} bpm @returns {Seconds} */
  beat(bpm) {
    const period = 60 / bpm;
    const last = this.times[this.times.length - 1];
    const offsets = this.times.map((time) => time - last - period * Math.round((time - last) / period));
    return last + offsets.reduce((a, b) => a + b, 0) / offsets.length;
  }
}

/**
 * The analysis corrected by a tapped tempo: where that is the found one, its half or its double, as found.
 * @param {SongAnalysis | null} analysis @param {number} bpm @param {Seconds} beat @param {Seconds} duration
 */
export function followTaps(analysis, bpm, beat, duration) {
  if (analysis?.tempo_bpm) {
    for (const candidate of [analysis, halveTempo(analysis), doubleTempo(analysis)])
      if (Math.abs(bpm / (candidate.tempo_bpm ?? 1) - 1) < SAME) return candidate;
  }
  return setTempo(analysis, bpm, beat, duration);
}
