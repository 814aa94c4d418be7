import assert from "node:assert/strict";
import test from "node:test";
import {
  formatDuration,
  formatMillions,
  formatShort,
  formatSigned,
  formatTime,
  toGain,
} from "../../assets/js/format.js";
import { fill } from "../../assets/js/text.js";

test("seconds are written as minutes and tenths", () => {
  assert.deepEqual([0, 9.96, 59.96, 61.25, -1].map(formatTime), ["0:00.0", "0:10.0", "1:00.0", "1:01.3", "0:00.0"]);
});

test("a duration has the units that matter", () => {
  assert.deepEqual([42, 90, 7500, 200000].map(formatDuration), ["42 s", "1 min", "2 h 5 min", "2 d"]);
});

test("numbers keep four significant digits", () => {
  assert.deepEqual([0, 0.0123456, 12345, 1e-5, -250000].map(formatShort), [
    "0",
    "0.01235",
    "12350",
    "1.0e-5",
    "-2.5e+5",
  ]);
  assert.equal(formatMillions(2_340_000), "2.3 M");
  assert.deepEqual([-1, 0, 2.04].map(formatSigned), ["-1.0", "0.0", "+2.0"]);
});

test("a fader's lower end is silence and 0 dB changes nothing", () => {
  assert.equal(toGain(-60), 0);
  assert.equal(toGain(0), 1);
  assert.ok(Math.abs(toGain(-20) - 0.1) < 1e-12);
});

test("blanks of a sentence are filled where there is a value", () => {
  assert.equal(fill("{n} of {total} in {unknown}", { n: 0, total: 8 }), "0 of 8 in {unknown}");
});
