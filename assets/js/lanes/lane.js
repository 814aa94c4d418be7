// One track's canvas: its waveform or its spectrogram, for the part of the song that is shown.
import { fitCanvas, make, paintOn, styleOf } from "../dom.js";
import { toMel } from "../spectrum.js";
import { Peaks } from "./peaks.js";
import { drawBeats } from "./time_marks.js";

/** @typedef {"waveform" | "spectrogram"} Look of all lanes */
/** @typedef {import("./view.js").TimeView} TimeView */

/**
 * What all lanes draw alike.
 * @typedef {object} Scene
 * @property {TimeView} view
 * @property {Look} look
 * @property {import("./tiles.js").Tiles} tiles
 * @property {number} scale of all waveforms, so that a quiet stem looks quiet
 * @property {SongAnalysis | null} analysis
 */

const TICKS = [500, 2000, 8000]; // Hz

export class Lane {
  canvas = make("canvas", { class: "wave", "aria-hidden": "true" });

  /** @param {Track} track @param {number} index @param {string} colour a custom property */
  constructor(track, index, colour) {
    this.track = track;
    this.index = index;
    this.colour = colour;
    this.peaks = new Peaks(track.buffer);
  }

  /** @param {Scene} scene @param {boolean} faded */
  draw({ view, look, tiles, scale, analysis }, faded) {
    const { width, height, ratio } = fitCanvas(this.canvas);
    if (!width || !height) return;
    const paint = paintOn(this.canvas);
    const isWaveform = look === "waveform";
    if (isWaveform && analysis) drawBeats(paint, analysis, view, styleOf("--body-text-color"), ratio);
    paint.globalAlpha = faded ? 0.4 : 0.9;
    if (isWaveform) {
      paint.fillStyle = styleOf(this.colour);
      this.drawWaveform(paint, view, scale, ratio);
      return;
    }
    paint.globalAlpha = 1;
    paint.fillStyle = "#000004";
    paint.fillRect(0, 0, width, height);
    paint.globalAlpha = faded ? 0.4 : 1;
    tiles.draw(paint, this.track, this.index, view);
    this.drawTicks(paint, ratio);
    if (analysis) drawBeats(paint, analysis, view, "#fff", ratio);
  }

  /** @param {CanvasRenderingContext2D} paint @param {TimeView} view @param {number} scale @param {number} ratio */
  drawWaveform(paint, view, scale, ratio) {
    const { width, height } = paint.canvas;
    const perPixel = (view.span * this.track.buffer.sampleRate) / width;
    const step = Math.max(2, Math.round(3 * ratio));
    // Bars stand at multiples of their own width from the song's start, so that they keep their shape as they scroll.
    const firstBar = Math.floor((view.start * this.track.buffer.sampleRate) / perPixel / step);
    const offset = (view.start * this.track.buffer.sampleRate) / perPixel;
    for (let bar = firstBar; bar * step - offset < width; bar++) {
      const peak = this.peaks.between(bar * step * perPixel, (bar + 1) * step * perPixel);
      const size = Math.max(ratio, Math.min(1, peak * scale) ** 0.7 * height * 0.94); // lifts quiet passages
      paint.fillRect(Math.round(bar * step - offset), (height - size) / 2, step - ratio, size);
    }
  }

  /** @param {CanvasRenderingContext2D} paint @param {number} ratio */
  drawTicks(paint, ratio) {
    const { height } = paint.canvas;
    const top = this.track.buffer.sampleRate / 2;
    paint.globalAlpha = 0.8;
    paint.font = `${9 * ratio}px sans-serif`;
    paint.fillStyle = "#fff";
    for (const hz of TICKS.filter((hz) => hz < 0.9 * top)) {
      const y = height * (1 - toMel(hz) / toMel(top));
      paint.fillRect(0, y, 4 * ratio, Math.max(1, ratio));
      paint.fillText(hz < 1000 ? String(hz) : `${hz / 1000}k`, 6 * ratio, y + 3 * ratio);
    }
  }
}
