// Waveform <-> spectrogram, as separator/spectral/transforms.py. A spectrogram is one array: frames, bins, (real, imaginary).

/** Frames of a waveform. @param {number} samples @param {number} hop */
export const countFrames = (samples, hop) => Math.floor(samples / hop) + 1;

/** Frames centred on multiples of `hop`, under a periodic Hann window; the waveform's ends are reflected. */
export class Stft {
  /** @param {KissFft} kiss @param {number} size of a window, even @param {number} hop */
  constructor(kiss, size, hop) {
    this.kiss = kiss;
    this.size = size;
    this.hop = hop;
    this.bins = size / 2 + 1;
    this.window = Float32Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size));
    this.plan = kiss._kiss_fftr_alloc(size, 0, 0, 0);
    this.inversePlan = kiss._kiss_fftr_alloc(size, 1, 0, 0);
    this.wave = kiss._malloc(4 * size);
    this.spectrum = kiss._malloc(8 * this.bins);
    // All is allocated, so the heap no longer moves.
    this.waveView = new Float32Array(kiss.HEAPF32.buffer, this.wave, size);
    this.spectrumView = new Float32Array(kiss.HEAPF32.buffer, this.spectrum, 2 * this.bins);
  }

  /** @param {Float32Array} samples @param {number} first of the frames wanted @param {number} frames from there */
  forward(samples, first = 0, frames = countFrames(samples.length, this.hop) - first) {
    const { kiss, size, hop, bins, window, waveView, spectrumView } = this;
    const result = new Float32Array(frames * bins * 2);
    // One too short to be reflected is continued with zeros first.
    const length = Math.max(samples.length, size / 2 + 1);
    for (let frame = 0; frame < frames; frame++) {
      const start = (first + frame) * hop - size / 2;
      const isInside = start >= 0 && start + size <= samples.length;
      if (isInside) for (let n = 0; n < size; n++) waveView[n] = window[n] * samples[start + n];
      else for (let n = 0; n < size; n++) waveView[n] = window[n] * (samples[reflect(start + n, length)] ?? 0);
      kiss._kiss_fftr(this.plan, this.wave, this.spectrum);
      result.set(spectrumView, frame * bins * 2);
    }
    return result;
  }

  /**
   * The closest waveform of `length` samples to a spectrogram times a mask, which has a value for each frame and bin.
   * @param {Float32Array} spectrogram @param {number} length @param {Float32Array} [mask]
   */
  inverse(spectrogram, length, mask) {
    const { kiss, size, hop, bins, window, waveView, spectrumView } = this;
    const frames = spectrogram.length / bins / 2;
    const total = new Float32Array(length);
    const weight = new Float32Array(length);
    for (let frame = 0; frame < frames; frame++) {
      spectrumView.set(spectrogram.subarray(frame * bins * 2, (frame + 1) * bins * 2));
      if (mask) {
        for (let bin = 0; bin < bins; bin++) {
          spectrumView[2 * bin] *= mask[frame * bins + bin];
          spectrumView[2 * bin + 1] *= mask[frame * bins + bin];
        }
      }
      kiss._kiss_fftri(this.inversePlan, this.spectrum, this.wave);
      const start = frame * hop - size / 2;
      const end = Math.min(size, length - start);
      for (let n = Math.max(0, -start); n < end; n++) {
        total[start + n] += (waveView[n] / size) * window[n];
        weight[start + n] += window[n] * window[n];
      }
    }
    for (let n = 0; n < length; n++) if (weight[n]) total[n] /= weight[n];
    return total;
  }

  close() {
    for (const pointer of [this.plan, this.inversePlan, this.wave, this.spectrum]) this.kiss._free(pointer);
  }
}

/** @param {number} at @param {number} length */
function reflect(at, length) {
  if (at < 0) return -at;
  return at < length ? at : 2 * (length - 1) - at;
}
