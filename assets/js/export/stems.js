// Stems on their way to WAV files. What is done goes into blobs, which browsers keep outside of the script's memory.
import { interleave, wavHeader } from "../player/wav.js";

/** A stem that grows part by part. It becomes 24 bits, or floats where it goes above full scale. */
export class StemFile {
  /** @type {{samples: Blob, asFloat: boolean}[]} all channels in turn */ parts = [];
  frames = 0;

  /** @param {number} channels @param {number} rate in Hz */
  constructor(channels, rate) {
    this.channels = channels;
    this.rate = rate;
  }

  /** @param {Float32Array[]} channels */
  write(channels) {
    const asFloat = channels.some(exceedsFullScale);
    this.parts.push({ samples: new Blob([interleave(channels, asFloat)]), asFloat });
    this.frames += channels[0].length;
  }

  async close() {
    const asFloat = this.parts.some((part) => part.asFloat);
    /** @type {BlobPart[]} */
    const parts = [wavHeader(this.frames, this.channels, this.rate, asFloat)];
    for (const part of this.parts)
      parts.push(part.asFloat === asFloat ? part.samples : toFloats(await part.samples.arrayBuffer()));
    return new Blob(parts, { type: "audio/wav" });
  }
}

/** @param {Float32Array} samples */
function exceedsFullScale(samples) {
  for (let n = 0; n < samples.length; n++) if (samples[n] > 1 || samples[n] < -1) return true;
  return false;
}

/** @param {ArrayBuffer} bytes of samples of 24 bits */
function toFloats(bytes) {
  const view = new DataView(bytes);
  return Float32Array.from(
    { length: bytes.byteLength / 3 },
    (_, n) => (view.getInt8(3 * n + 2) * 2 ** 16 + view.getUint16(3 * n, true)) / 2 ** 23,
  );
}
