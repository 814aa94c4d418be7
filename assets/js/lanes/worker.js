// What the Worker of the lanes does: pieces of sound in, pictures of their spectrum out.
import { colourLevel, rowEdges } from "../spectrum.js";

export const ROWS = 128;
const RANGE_DB = 80;

/** @typedef {{id: string, frames: Float32Array, size: number, columns: number, rate: number, loudest: number}} Piece */

/**
 * Reports that it has started, answers the FFT's WebAssembly with "ready" and each Piece with its picture; or "failed".
 * @param {{postMessage: (answer: object, given?: Transferable[]) => void, onmessage: unknown}} port
 * @param {(options: object) => Promise<KissFft>} createKissFft
 */
export function serve(port, createKissFft) {
  /** @type {KissFft} */ let kiss;
  /** @type {Painter | null} */ let painter = null;
  port.onmessage = async (/** @type {MessageEvent<Piece & {wasm?: Uint8Array}>} */ { data }) => {
    try {
      if (data.wasm) {
        kiss = await createKissFft({ wasmBinary: data.wasm, locateFile: (/** @type {string} */ name) => name });
        port.postMessage({ kind: "ready" });
        return;
      }
      const { id, size, rate } = data;
      if (painter?.size !== size || painter.rate !== rate) painter = new Painter(kiss, size, rate);
      const picture = await createImageBitmap(painter.paint(data));
      port.postMessage({ kind: "picture", id, picture }, [picture]);
    } catch (error) {
      port.postMessage({ kind: "failed", reason: String(error) });
    }
  };
  port.postMessage({ kind: "started" });
}

class Painter {
  /** @param {KissFft} kiss @param {number} size of a transform @param {number} rate in Hz */
  constructor(kiss, size, rate) {
    this.kiss = kiss;
    this.size = size;
    this.rate = rate;
    this.edges = rowEdges(rate, size, ROWS);
    this.window = Float32Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size));
    this.plan = kiss._kiss_fftr_alloc(size, 0, 0, 0);
    this.wave = kiss._malloc(4 * size);
    this.spectrum = kiss._malloc(4 * (size + 2));
    this.colours = Uint32Array.from({ length: 256 }, (_, level) => {
      const [red, green, blue] = colourLevel(level / 255);
      return ((255 << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;
    });
  }

  /** The mean power of each column's frames in each row, in dB below a sine of amplitude `loudest`. @param {Piece} piece */
  paint({ frames, size, columns, loudest }) {
    const perColumn = frames.length / size / columns;
    const image = new ImageData(columns, ROWS);
    const pixels = new Uint32Array(image.data.buffer);
    const full = (loudest * size) ** 2 / 16; // of a sine's bin under a Hann window
    for (let column = 0; column < columns; column++) {
      const power = new Float32Array(ROWS);
      for (let n = 0; n < perColumn; n++) this.add(frames.subarray((column * perColumn + n) * size), power);
      for (let row = 0; row < ROWS; row++) {
        const level = 1 + (10 * Math.log10(power[row] / perColumn / full + 1e-12)) / RANGE_DB;
        pixels[(ROWS - 1 - row) * columns + column] = this.colours[Math.max(0, Math.min(255, Math.round(255 * level)))];
      }
    }
    return image;
  }

  /** Adds a frame's power, averaged over each row's bins. @param {Float32Array} samples @param {Float32Array} power */
  add(samples, power) {
    const { kiss, size, edges, window } = this;
    const wave = new Float32Array(kiss.HEAPF32.buffer, this.wave, size);
    for (let n = 0; n < size; n++) wave[n] = samples[n] * window[n];
    kiss._kiss_fftr(this.plan, this.wave, this.spectrum);
    const spectrum = new Float32Array(kiss.HEAPF32.buffer, this.spectrum, size + 2);
    for (let row = 0; row < ROWS; row++) {
      const [from, to] = [edges[row], Math.max(edges[row] + 1, edges[row + 1])];
      let sum = 0;
      for (let at = 2 * from; at < 2 * to; at++) sum += spectrum[at] * spectrum[at];
      power[row] += sum / (to - from);
    }
  }
}
