import assert from "node:assert/strict";
import test from "node:test";
import { Peaks } from "../../assets/js/lanes/peaks.js";
import { doubleTempo, followTaps, halveTempo, setTempo, Taps } from "../../assets/js/lanes/tempo.js";
import { placeBeats } from "../../assets/js/lanes/time_marks.js";
import { TimeView } from "../../assets/js/lanes/view.js";

const ANALYSIS = {
  tempo_bpm: 120,
  tempo_confidence: 0.9,
  beats: Array.from({ length: 17 }, (_, n) => 0.25 + n / 2),
  first_downbeat: 2,
  beats_per_bar: 4,
};
/** The times at which bars begin. */
const bars = ({ beats, first_downbeat }) =>
  beats.filter((_, n) => n >= first_downbeat && (n - first_downbeat) % 4 === 0);

test("zooming leaves the time under the pointer", () => {
  const view = new TimeView(240);
  view.zoom(8, 100);
  assert.equal(view.span, 30);
  assert.ok(Math.abs(view.shareOf(100) - 100 / 240) < 1e-9);
  view.zoom(1 / 100, 100);
  assert.deepEqual([view.start, view.span, view.isFit], [0, 240, true]);
});

test("a view stays within the song and says when it changes", () => {
  let changes = 0;
  const view = new TimeView(10, () => changes++);
  view.scroll(5);
  assert.equal(changes, 0, "all is shown already");
  view.show(9, 4);
  assert.deepEqual([view.start, view.end, changes], [6, 10, 1]);
  view.show(3, 0);
  assert.equal(view.span, 0.5);
  assert.deepEqual([view.timeAt(0), view.timeAt(1), view.shows(3.2), view.shows(4)], [3, 3.5, true, false]);
});

test("half the tempo keeps every second beat, from a bar's first", () => {
  const half = halveTempo({ ...ANALYSIS, first_downbeat: 3 });
  assert.equal(half.tempo_bpm, 60);
  assert.deepEqual(half.beats.slice(0, 3), [0.75, 1.75, 2.75]);
  assert.equal(half.beats[half.first_downbeat], ANALYSIS.beats[3]);
});

test("double the tempo and half of it is the tempo", () => {
  const double = doubleTempo(ANALYSIS);
  assert.equal(double.tempo_bpm, 240);
  assert.deepEqual(double.beats.slice(0, 3), [0.25, 0.5, 0.75]);
  assert.deepEqual(halveTempo(double), ANALYSIS);
});

test("a tapped tempo lays even beats through the song", () => {
  const tapped = setTempo(ANALYSIS, 100, 3, 6);
  assert.deepEqual(
    tapped.beats.map((beat) => beat.toFixed(1)),
    ["0.0", "0.6", "1.2", "1.8", "2.4", "3.0", "3.6", "4.2", "4.8", "5.4"],
  );
  assert.ok(bars(tapped).some((beat) => Math.abs(beat - 3) < 1e-9));
  assert.equal(setTempo(null, 100, 0, 6).beats.length, 10);
});

test("taps become a tempo after the fourth, and begin anew", () => {
  const taps = new Taps();
  assert.deepEqual(
    [1, 1.5, 2].map((time) => taps.add(time)),
    [null, null, null],
  );
  assert.equal(taps.add(2.5), 120);
  assert.equal(taps.beat(120), 2.5);
  assert.equal(taps.add(9), null, "a long pause");
  assert.equal(taps.add(8), null, "a jump back");
});

test("taps near half the found tempo take its beats", () => {
  assert.deepEqual(followTaps(ANALYSIS, 61, 0, 8), halveTempo(ANALYSIS));
  assert.equal(followTaps(ANALYSIS, 121, 0, 8), ANALYSIS);
  assert.equal(followTaps(ANALYSIS, 90, 0, 8).tempo_bpm, 90);
});

test("lines stand on beats, and on bars alone where beats are dense", () => {
  const view = new TimeView(10);
  const lines = placeBeats(ANALYSIS, view, 1000);
  assert.equal(lines.length, 17);
  assert.deepEqual(
    lines.filter(({ isBar }) => isBar).map(({ x }) => x),
    [125, 325, 525, 725],
  );
  assert.deepEqual(
    placeBeats(ANALYSIS, view, 100).map(({ x }) => x),
    [12.5, 32.5, 52.5, 72.5],
  );
  assert.deepEqual(placeBeats({ ...ANALYSIS, beats: [] }, view, 1000), []);
});

test("peaks are the loudest sample of either channel", async () => {
  const channels = [new Float32Array(1000), new Float32Array(1000)];
  channels[0][10] = 0.25;
  channels[1][700] = -0.5;
  const buffer = { length: 1000, numberOfChannels: 2, getChannelData: (n) => channels[n] };
  const peaks = new Peaks(buffer);
  await peaks.measure();
  assert.equal(peaks.highest, 0.5);
  assert.deepEqual([peaks.between(0, 512), peaks.between(512, 1000), peaks.between(9, 12)], [0.25, 0.5, 0.25]);
  assert.deepEqual([peaks.between(11, 12), peaks.between(900, 2000)], [0, 0]);
});
