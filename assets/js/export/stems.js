// Stems on their way to WAV files. What is done goes into blobs, which browsers keep outside of the script's memory.
import { interleave, wavHeader } from "../player/wav.js";

/** A stem that grows part by part. It becomes 24 bits, or floats where it goes above full scale. */
export class StemFile {
  /** @type {Blob[]} floats, all channels in turn */ parts = [];
  frames = 0;
  peak = 0;

  /** @param {number} channels @param {number} rate in Hz */
  constructor(channels, rate) {
    this.channels = channels;
    this.rate = rate;
  }

  /** @param {Float32Array[]} channels */
  write(channels) {
    for (const samples of channels) for (const sample of samples) this.peak = Math.max(this.peak, Math.abs(sample));
    this.parts.push(new Blob([interleave(channels, true)]));
    this.frames += channels[0].length;
  }

  async close() {
    const asFloat = this.peak > 1;
    const parts = asFloat ? this.parts : [];
    if (!asFloat) {
      for (const part of this.parts) {
        const samples = new Float32Array(await part.arrayBuffer());
        parts.push(new Blob([interleave([samples], false)]));
      }
    }
    return new Blob([wavHeader(this.frames, this.channels, this.rate, asFloat), ...parts], { type: "audio/wav" });
  }
}
