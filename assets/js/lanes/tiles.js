// Spectrograms in tiles: what is visible is asked of the Worker, and what was drawn is kept for a while.
import { startWorker } from "./start_worker.js";

const COLUMNS = 64; // of a tile: few, so that no tile keeps the page busy for long
const MOST_FRAMES = 4; // transforms per column, however long a column is
const FINEST_LEVEL = 6; // 2 ** 6 samples per column
const KEPT = 1500; // tiles of 32 kB
const REDRAW_MS = 120; // at least between two drawings of tiles that have arrived
const COARSER = 6; // levels that stand in for a tile that is not there yet
const AT_ONCE = 2; // pieces that the Worker holds

/** @typedef {{track: Track, index: number, level: number, tile: number}} Place */

/** @param {Place} place */
const nameOf = ({ index, level, tile }) => `${index}/${level}/${tile}`;

export class Tiles {
  /** @type {Map<string, ImageBitmap>} the last drawn last */ pictures = new Map();
  /** @type {Map<string, Place>} */ wanted = new Map();
  /** @type {Set<string>} */ asked = new Set();
  /** @type {Worker | null} */ worker = null;
  closed = false;
  told = 0; // milliseconds
  /** @type {Promise<void> | null} */ opened = null;
  loudest = 1; // amplitude

  /** @param {number} rate in Hz @param {() => void} arrived is called when tiles have come */
  constructor(rate, arrived) {
    this.rate = rate;
    this.arrived = arrived;
    this.size = 1 << Math.round(Math.log2(rate * 0.046)); // as separator/plots
  }

  /** Starts the Worker, once; rejects where there can be none. */
  open() {
    this.opened ??= startWorker().then((worker) => {
      if (this.closed) return worker.terminate();
      this.worker = worker;
      worker.onmessage = ({ data }) => data.kind === "picture" && this.take(data);
      this.ask();
    });
    return this.opened;
  }

  /** @param {{id: string, picture: ImageBitmap}} answer */
  take({ id, picture }) {
    this.asked.delete(id);
    this.pictures.set(id, picture);
    for (const [name, old] of this.pictures) {
      if (this.pictures.size <= KEPT) break;
      old.close();
      this.pictures.delete(name);
    }
    this.ask();
    const now = performance.now();
    if (this.busy && now - this.told < REDRAW_MS) return;
    this.told = now;
    this.arrived();
  }

  get busy() {
    return this.wanted.size + this.asked.size > 0;
  }

  /** Forgets what was wanted and not yet asked: another part is shown. */
  forgetWanted() {
    this.wanted.clear();
  }

  ask() {
    for (const [name, place] of this.wanted) {
      if (!this.worker || this.asked.size >= AT_ONCE) return;
      this.wanted.delete(name);
      this.asked.add(name);
      const frames = gatherFrames(place, this.size);
      const { size, rate, loudest } = this;
      this.worker.postMessage({ id: name, frames, size, rate, columns: COLUMNS, loudest }, [frames.buffer]);
    }
  }

  /**
   * Draws the part of a track that a view shows, with coarser tiles where the right ones are still to come.
   * @param {CanvasRenderingContext2D} paint @param {Track} track @param {number} index
   * @param {import("./view.js").TimeView} view
   */
  draw(paint, track, index, view) {
    const { width, height } = paint.canvas;
    const [first, last] = [view.start * this.rate, Math.min(view.end * this.rate, track.buffer.length)];
    const perPixel = (view.span * this.rate) / width;
    const level = Math.max(FINEST_LEVEL, Math.round(Math.log2(perPixel)));
    const length = COLUMNS * 2 ** level;
    for (let tile = Math.floor(first / length); tile * length < last; tile++) {
      const place = { track, index, level, tile };
      const x = Math.round((tile * length - first) / perPixel);
      const end = Math.round(((tile + 1) * length - first) / perPixel);
      const found = this.find(place);
      if (found) paint.drawImage(found.picture, found.from, 0, found.columns, found.rows, x, 0, end - x, height);
      if (found?.columns === COLUMNS || this.asked.has(nameOf(place))) continue;
      this.wanted.set(nameOf(place), place);
    }
  }

  /** A place's tile, or its part of a coarser one. @param {Place} place */
  find(place) {
    for (let up = 0; up <= COARSER; up++) {
      const name = nameOf({ ...place, level: place.level + up, tile: place.tile >> up });
      const picture = this.pictures.get(name);
      if (!picture) continue;
      this.pictures.delete(name); // so that it is the last one
      this.pictures.set(name, picture);
      const columns = COLUMNS / 2 ** up;
      return { picture, columns, rows: picture.height, from: columns * (place.tile % 2 ** up) };
    }
    return null;
  }

  close() {
    this.closed = true;
    this.worker?.terminate();
    for (const picture of this.pictures.values()) picture.close();
    this.pictures.clear();
    this.wanted.clear();
  }
}

/**
 * The frames that a tile's columns are made of, evenly spread over each column, as mono.
 * @param {Place} place @param {number} size of a frame
 */
function gatherFrames({ track, level, tile }, size) {
  const hop = 2 ** level;
  const perColumn = Math.min(MOST_FRAMES, Math.max(1, Math.round((2 * hop) / size)));
  const step = hop / perColumn;
  const { buffer } = track;
  const frames = new Float32Array(COLUMNS * perColumn * size);
  const share = 1 / buffer.numberOfChannels;
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = buffer.getChannelData(channel);
    for (let frame = 0; frame < COLUMNS * perColumn; frame++) {
      const start = Math.round(tile * COLUMNS * hop + (frame + 0.5) * step - size / 2);
      const last = Math.min(size, samples.length - start);
      const to = frame * size;
      for (let n = Math.max(0, -start); n < last; n++) frames[to + n] += share * samples[start + n];
    }
  }
  return frames;
}
