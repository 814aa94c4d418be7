// What marks the time: a ruler above the lanes, and beats and bars on them.
import { fitCanvas, paintOn, styleOf } from "../dom.js";

/** @typedef {import("./view.js").TimeView} TimeView */

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600]; // seconds between two labels
const LABEL_PIXELS = 64;
const CLOSEST_PIXELS = 7; // of two lines

/** Seconds as m:ss, with tenths where the labels are that close. @param {Seconds} time @param {Seconds} step */
function label(time, step) {
  const [minutes, seconds] = [Math.floor((time + 1e-6) / 60), time - 60 * Math.floor((time + 1e-6) / 60)];
  return `${minutes}:${Math.max(0, seconds)
    .toFixed(step < 1 ? 1 : 0)
    .padStart(step < 1 ? 4 : 2, "0")}`;
}

/** @param {HTMLCanvasElement} canvas @param {TimeView} view */
export function drawRuler(canvas, view) {
  const { width, height, ratio } = fitCanvas(canvas);
  if (!width) return;
  const paint = paintOn(canvas);
  const step = STEPS.find((step) => (step / view.span) * width > LABEL_PIXELS * ratio) ?? 1200;
  paint.fillStyle = styleOf("--body-text-color");
  paint.font = `${10.5 * ratio}px sans-serif`;
  for (let n = Math.ceil(view.start / step - 1e-6); n * step <= view.end; n++) {
    const x = view.shareOf(n * step) * width;
    paint.globalAlpha = 0.35;
    paint.fillRect(Math.round(x), height - 5 * ratio, Math.max(1, ratio), 5 * ratio);
    paint.globalAlpha = 0.75;
    paint.fillText(label(n * step, step), x + 3 * ratio, height - 4 * ratio);
  }
}

/**
 * Where lines stand, and which are bars: every beat, every bar, or every so many bars, by how far apart they are.
 * @param {SongAnalysis} analysis @param {TimeView} view @param {number} width in pixels
 * @returns {{x: number, isBar: boolean}[]}
 */
export function placeBeats({ beats, first_downbeat, beats_per_bar }, view, width) {
  if (beats.length < 2) return [];
  const period = (beats[beats.length - 1] - beats[0]) / (beats.length - 1);
  const perBeat = (period / view.span) * width;
  const step = [1, 1, 4, 16].map((bars, n) => (n ? bars * beats_per_bar : 1));
  const every = step.find((count) => count * perBeat >= CLOSEST_PIXELS);
  if (!every) return [];
  /** @type {{x: number, isBar: boolean}[]} */
  const lines = [];
  beats.forEach((beat, n) => {
    const count = n - first_downbeat;
    if (count % every || !view.shows(beat)) return;
    lines.push({ x: view.shareOf(beat) * width, isBar: every > 1 || count % beats_per_bar === 0 });
  });
  return lines;
}

/**
 * @param {CanvasRenderingContext2D} paint @param {SongAnalysis} analysis @param {TimeView} view
 * @param {string} colour @param {number} ratio of pixels
 */
export function drawBeats(paint, analysis, view, colour, ratio) {
  const { width, height } = paint.canvas;
  paint.fillStyle = colour;
  for (const { x, isBar } of placeBeats(analysis, view, width)) {
    paint.globalAlpha = isBar ? 0.4 : 0.15;
    paint.fillRect(Math.round(x), 0, Math.max(1, Math.round(ratio)), height);
  }
}
