// Beats and bars of a song: what clicks, where a bar begins, how a loop snaps.

/** @typedef {{at: Seconds, accent: boolean}} Beat accented where a bar begins */

/** Whether there are beats enough to count. @param {SongAnalysis | null | undefined} analysis @returns {analysis is SongAnalysis} */
export const hasBeats = (analysis) => (analysis?.beats.length ?? 0) > 1;

/** @param {SongAnalysis} analysis @param {number} index of a beat, or of one before the first */
const isBarStart = ({ first_downbeat: first, beats_per_bar: bar }, index) =>
  (((index - first) % bar) + bar) % bar === 0;

/** Beats in [from, to). @param {SongAnalysis} analysis @param {Seconds} from @param {Seconds} to @returns {Beat[]} */
export const beatsIn = (analysis, from, to) =>
  analysis.beats
    .map((at, index) => ({ at, accent: isBarStart(analysis, index) }))
    .filter(({ at }) => at >= from && at < to);

/**
 * Beats of what is played from `from` on, [begin, end) later in the song's own time; `at` counts from `from`.
 * @param {SongAnalysis} analysis @param {Seconds} from @param {Loop | null} loop that ends after `from`
 * @param {Seconds} begin @param {Seconds} end @returns {Beat[]}
 */
export function beatsPlayed(analysis, from, loop, begin, end) {
  const found = [];
  for (let at = begin; at < end;) {
    let place = from + at;
    if (loop && place >= loop.end) place = loop.start + ((place - loop.end) % (loop.end - loop.start));
    const length = Math.max(1e-6, Math.min(end - at, (loop?.end ?? Infinity) - place));
    const since = at - place;
    found.push(...beatsIn(analysis, place, place + length).map((beat) => ({ ...beat, at: since + beat.at })));
    at += length;
  }
  return found;
}

/**
 * One bar of beats that leads to `from`, with times of the song, which may be negative.
 * @param {SongAnalysis} analysis @param {Seconds} from @returns {Beat[]}
 */
export function countIn(analysis, from) {
  const { beats, beats_per_bar: bar } = analysis;
  const found = beats.findIndex((at) => at > from - 0.02);
  const next = found < 0 ? beats.length - 1 : found;
  const period = next > 0 ? beats[next] - beats[next - 1] : beats[1] - beats[0];
  const late = Math.max(0, Math.ceil((from - beats[next]) / period - 0.02)); // beats after the last one
  return Array.from({ length: bar }, (_, n) => {
    const index = next + late - bar + n;
    return { at: beats[next] + (index - next) * period, accent: isBarStart(analysis, index) };
  });
}

/**
 * A loop from bar to bar, of one at least. @param {Loop} loop @param {SongAnalysis} analysis @param {Seconds} duration
 * @returns {Loop}
 */
export function snapToBars(loop, analysis, duration) {
  const starts = beatsIn(analysis, 0, duration)
    .filter(({ accent }) => accent)
    .map(({ at }) => at);
  if (starts.length < 2) return loop;
  const last = starts[starts.length - 1];
  starts.push(Math.min(duration, 2 * last - starts[starts.length - 2]));
  /** @param {Seconds} at */
  const nearest = (at) =>
    starts.reduce((best, start, n) => (Math.abs(start - at) < Math.abs(starts[best] - at) ? n : best), 0);
  const first = Math.min(nearest(loop.start), starts.length - 2);
  return { start: starts[first], end: starts[Math.max(first + 1, nearest(loop.end))] };
}
