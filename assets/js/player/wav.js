// A WAV file's header and samples: 24-bit integers, or 32-bit floats where samples exceed full scale.

/** @param {number} frames @param {number} channels @param {number} sampleRate in Hz @param {boolean} asFloat */
export function wavHeader(frames, channels, sampleRate, asFloat) {
  const width = asFloat ? 4 : 3;
  const view = new DataView(new ArrayBuffer(44));
  /** @param {number} at @param {string} word */
  const ascii = (at, word) => [...word].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
  const bytes = frames * channels * width;
  ascii(0, "RIFF");
  view.setUint32(4, 36 + bytes, true);
  ascii(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, asFloat ? 3 : 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels * width, true);
  view.setUint16(32, channels * width, true);
  view.setUint16(34, 8 * width, true);
  ascii(36, "data");
  view.setUint32(40, bytes, true);
  return view.buffer;
}

/** Samples of all channels in turn. @param {Float32Array[]} channels of one length @param {boolean} asFloat */
export function interleave(channels, asFloat) {
  const size = channels[0].length;
  const width = asFloat ? 4 : 3;
  const view = new DataView(new ArrayBuffer(size * channels.length * width));
  let at = 0;
  for (let n = 0; n < size; n++) {
    for (const channel of channels) {
      if (asFloat) view.setFloat32(at, channel[n], true);
      else {
        const value = Math.round(Math.max(-1, Math.min(1 - 2 ** -23, channel[n])) * 2 ** 23);
        view.setUint16(at, value & 0xffff, true);
        view.setInt8(at + 2, value >> 16);
      }
      at += width;
    }
  }
  return view.buffer;
}
