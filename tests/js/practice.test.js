import assert from "node:assert/strict";
import test from "node:test";
import { panMatrix } from "../../assets/js/player/render.js";
import { beatsPlayed, countIn, snapToBars } from "../../assets/js/practice/bars.js";
import { Markers } from "../../assets/js/practice/markers.js";
import { applyPreset, isApplied, listPresets } from "../../assets/js/practice/presets.js";
import { describeEngine, loadSettings, restoreEngine, saveSettings } from "../../assets/js/practice/settings.js";

const analysis = { beats: [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5], first_downbeat: 1, beats_per_bar: 4 };

test("a loop snaps to the nearest bars and is one bar long at least", () => {
  assert.deepEqual(snapToBars({ start: 0.8, end: 4.4 }, analysis, 6), { start: 1, end: 5 });
  assert.deepEqual(snapToBars({ start: 2.8, end: 3.1 }, analysis, 6), { start: 3, end: 5 });
  assert.deepEqual(snapToBars({ start: 5.5, end: 5.9 }, analysis, 6), { start: 5, end: 6 });
});

test("a count-in is one bar long and keeps the beat", () => {
  const times = (from) => countIn(analysis, from).map(({ at }) => at);
  assert.deepEqual(times(1), [-1, -0.5, 0, 0.5]);
  assert.deepEqual(times(2.3), [0.5, 1, 1.5, 2]);
  assert.deepEqual(times(5.5), [3.5, 4, 4.5, 5]);
  assert.deepEqual(
    countIn(analysis, 1).map(({ accent }) => accent),
    [true, false, false, false],
  );
});

test("beats of a loop come again with every turn", () => {
  const beats = beatsPlayed(analysis, 1.25, { start: 1, end: 2 }, 0, 2.5);
  assert.deepEqual(
    beats.map(({ at }) => at),
    [0.25, 0.75, 1.25, 1.75, 2.25],
  );
  assert.deepEqual(
    beats.map(({ accent }) => accent),
    [false, true, false, true, false],
  );
});

test("presets are offered where their stems are, and can be recognised", () => {
  const stems = ["vocals", "bass", "rest"].map((kind) => ({ kind, mute: false, solo: true }));
  assert.deepEqual(listPresets(stems), ["everything", "karaoke", "no_bass", "only"]);
  assert.deepEqual(listPresets(stems.slice(0, 1)), []);
  applyPreset("no_bass", stems, stems[0]);
  assert.deepEqual(
    stems.map(({ mute, solo }) => [mute, solo]),
    [false, true, false].map((mute) => [mute, false]),
  );
  assert.ok(isApplied("no_bass", stems, stems[0]) && !isApplied("karaoke", stems, stems[0]));
});

test("panning keeps the middle as it is and moves a side without loss", () => {
  assert.deepEqual(panMatrix(0, 0.5), [
    [0.5, 0],
    [0, 0.5],
  ]);
  const [[stays], [moves, gone]] = panMatrix(-1, 1);
  assert.deepEqual([stays, moves, gone], [1, 1, 0]);
});

test("loops go from marker to marker", () => {
  const markers = { list: [{ at: 2 }, { at: 4 }] };
  const section = (at) => Object.values(Markers.prototype.sectionAt.call(markers, at, 9));
  assert.deepEqual([0, 2, 3.9, 5, 9].map(section), [
    [0, 2],
    [2, 4],
    [2, 4],
    [4, 9],
    [4, 9],
  ]);
});

const makeEngine = () => ({
  tempo: 1,
  semitones: 0,
  masterDb: 0,
  loop: null,
  duration: 9,
  click: { on: false, countIn: false, db: -6 },
  tracks: [{ kind: "vocals", name: "", db: 0, pan: 0, mute: false, solo: false }],
});

test("settings come back, within what the controls allow", () => {
  const engine = Object.assign(makeEngine(), { tempo: 0.8, semitones: 3, loop: { start: 1, end: 2 } });
  engine.tracks[0].mute = true;
  const restored = makeEngine();
  restoreEngine(restored, JSON.parse(JSON.stringify(describeEngine(engine))));
  assert.deepEqual(restored, engine);
  restoreEngine(restored, { tempo: 99, semitones: "x", loop: { start: 3, end: null }, tracks: "none", click: 1 });
  assert.deepEqual([restored.tempo, restored.semitones, restored.loop], [1.5, 0, null]);
});

test("a hundred songs are remembered, and storage that fails is no failure", () => {
  assert.equal(loadSettings("song"), null);
  saveSettings("song", {}); // there is no storage in node
  const stored = new Map();
  globalThis.localStorage = {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => stored.set(key, value),
  };
  for (let n = 0; n < 120; n++) saveSettings(`song ${n}`, { n });
  assert.equal(loadSettings("song 19"), null);
  assert.deepEqual(loadSettings("song 20"), { n: 20 });
  stored.set("sori-practice", "not JSON");
  assert.equal(loadSettings("song 20"), null);
  delete globalThis.localStorage;
});
