// The loudest sample of each short stretch of a track: what its waveform is drawn from at any zoom.

const PER_BIN = 256; // samples
const SLICE_MS = 8; // how long the page is kept busy at once

/** @param {AudioBuffer} buffer */
const channelsOf = (buffer) => Array.from({ length: buffer.numberOfChannels }, (_, n) => buffer.getChannelData(n));

/** @param {Float32Array[]} channels @param {number} from @param {number} to samples [from, to) */
function loudest(channels, from, to) {
  let peak = 0;
  for (const samples of channels) {
    for (let n = Math.max(0, from); n < to && n < samples.length; n++) {
      const level = samples[n] < 0 ? -samples[n] : samples[n];
      if (level > peak) peak = level;
    }
  }
  return peak;
}

export class Peaks {
  highest = 0;

  /** @param {AudioBuffer} buffer */
  constructor(buffer) {
    this.channels = channelsOf(buffer);
    this.bins = new Float32Array(Math.ceil(buffer.length / PER_BIN));
  }

  async measure() {
    const { bins, channels } = this;
    let begun = performance.now();
    for (let bin = 0; bin < bins.length; bin++) {
      bins[bin] = loudest(channels, bin * PER_BIN, (bin + 1) * PER_BIN);
      if (bins[bin] > this.highest) this.highest = bins[bin];
      if (bin % 64 || performance.now() - begun < SLICE_MS) continue;
      await new Promise((resolve) => setTimeout(resolve));
      begun = performance.now();
    }
  }

  /** The loudest of samples [from, to), to the bin where those are many. @param {number} from @param {number} to */
  between(from, to) {
    if (to - from < PER_BIN) return loudest(this.channels, Math.floor(from), Math.max(Math.floor(from) + 1, to));
    let peak = 0;
    const last = Math.min(this.bins.length, Math.max(Math.floor(from / PER_BIN) + 1, Math.floor(to / PER_BIN)));
    for (let bin = Math.max(0, Math.floor(from / PER_BIN)); bin < last; bin++) peak = Math.max(peak, this.bins[bin]);
    return peak;
  }
}
