// One track's waveform on a canvas, and the pointer on it: a click seeks, a drag chooses the region to repeat.
import { fitCanvas, make, paintOn, styleOf } from "../dom.js";

const BINS = 1600;
const DRAG_PIXELS = 6;

export class Waveform {
  /** @type {Float32Array | null} loudest sample of each bin */ peaks = null;
  scale = 1; // all tracks are drawn on one, so that a quiet stem looks quiet
  faded = false;

  /** @param {import("./engine.js").Engine} engine @param {Track} track @param {string} colour a custom property */
  constructor(engine, track, colour) {
    this.engine = engine;
    this.track = track;
    this.colour = colour;
    this.canvas = make("canvas", { class: "wave", "aria-hidden": "true" });
    this.resize = new ResizeObserver(() => this.draw());
    this.resize.observe(this.canvas);
  }

  async measure() {
    this.peaks = await this.engine.peaks(this.track, BINS);
  }

  draw(faded = this.faded) {
    this.faded = faded;
    const { canvas, peaks } = this;
    const { width, height, ratio } = fitCanvas(canvas);
    if (!peaks || !width) return;
    const paint = paintOn(canvas);
    paint.fillStyle = styleOf(this.colour);
    paint.globalAlpha = faded ? 0.4 : 0.9;
    const step = Math.max(2, Math.round(3 * ratio));
    for (let x = 0; x < width; x += step) {
      const from = Math.floor((x / width) * peaks.length);
      const to = Math.max(from + 1, Math.floor(((x + step) / width) * peaks.length));
      let peak = 0;
      for (let bin = from; bin < to && bin < peaks.length; bin++) peak = Math.max(peak, peaks[bin]);
      const bar = Math.max(ratio, Math.min(1, peak * this.scale) ** 0.7 * height * 0.94); // lifts quiet passages
      paint.fillRect(x, (height - bar) / 2, step - ratio, bar);
    }
  }

  close() {
    this.resize.disconnect();
  }
}

/** @typedef {{x: number, share: number, target: Element}} Origin where the pointer went down */

/**
 * Turns pointer events on `area`, the stack of waveforms, into places in the song.
 * @param {HTMLElement} area
 * @param {import("./engine.js").Engine} engine
 * @param {Record<"region" | "preview", (loop: Loop, event: PointerEvent) => void> & {seek: (at: Seconds, where: Element) => void}} calls
 */
export function watchPointer(area, engine, { seek, region, preview }) {
  /** @type {Origin | null} */
  let origin = null;
  /** @param {PointerEvent} event */
  const share = (event) => {
    const box = area.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  /** @param {Origin} from @param {PointerEvent} event */
  const span = (from, event) => {
    const [a, b] = [from.share, share(event)].sort((x, y) => x - y);
    return { start: a * engine.duration, end: b * engine.duration };
  };
  /** @param {Origin} from @param {PointerEvent} event */
  const dragged = (from, event) => Math.abs(event.clientX - from.x) > DRAG_PIXELS;
  area.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    origin = { x: event.clientX, share: share(event), target: /** @type {Element} */ (event.target) };
    area.setPointerCapture(event.pointerId);
  });
  area.addEventListener("pointermove", (event) => {
    if (origin && dragged(origin, event)) preview(span(origin, event), event);
  });
  area.addEventListener("pointerup", (event) => {
    if (!origin) return;
    const chosen = span(origin, event);
    if (dragged(origin, event) && chosen.end - chosen.start > 0.1) region(chosen, event);
    else seek(share(event) * engine.duration, origin.target);
    origin = null;
  });
  area.addEventListener("pointercancel", () => {
    origin = null;
  });
}
