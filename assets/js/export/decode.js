// A song's file -> samples at its own rate. Browsers resample unless they are given that rate, and do not state it.

const USUAL_RATE = 44100;
const MP3_RATES = [
  [11025, 12000, 8000],
  [0, 0, 0],
  [22050, 24000, 16000],
  [44100, 48000, 32000],
]; // by version (2.5, none, 2, 1) and index

/**
 * @param {Blob} file
 * @returns {Promise<{channels: Float32Array[], rate: number}>} rejects where the browser finds no audio
 */
export async function decode(file) {
  const bytes = await file.arrayBuffer();
  const rate = readSampleRate(new DataView(bytes)) ?? USUAL_RATE;
  const buffer = await decoderAt(rate).decodeAudioData(bytes);
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, c) => buffer.getChannelData(c));
  return { channels, rate: buffer.sampleRate };
}

/** @param {number} rate */
function decoderAt(rate) {
  try {
    return new OfflineAudioContext(1, 1, rate);
  } catch {
    return new OfflineAudioContext(1, 1, USUAL_RATE); // no rate that this browser takes
  }
}

/** The rate in Hz that the header of a WAV, FLAC, Ogg or MP3 file states. @param {DataView} view */
export function readSampleRate(view) {
  const word = (/** @type {number} */ at, length = 4) =>
    at + length <= view.byteLength
      ? String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, length))
      : "";
  const start = word(0);
  if (start === "RIFF" && word(8) === "WAVE") return readWavRate(view, word);
  if (start === "fLaC" && view.byteLength > 21) return view.getUint32(18) >>> 12;
  if (start === "OggS") {
    if (word(28, 8) === "OpusHead") return 48000;
    return word(29, 6) === "vorbis" ? view.getUint32(40, true) : null;
  }
  return readMp3Rate(view, word(0, 3) === "ID3" ? 10 + readTagSize(view) : 0);
}

/** @param {DataView} view @param {(at: number) => string} word */
function readWavRate(view, word) {
  for (let at = 12; at + 16 <= view.byteLength; at += 8 + view.getUint32(at + 4, true) + (view.getUint8(at + 4) & 1))
    if (word(at) === "fmt ") return view.getUint32(at + 12, true);
  return null;
}

/** The size of an ID3 tag: four times seven bits. @param {DataView} view */
const readTagSize = (view) => [6, 7, 8, 9].reduce((size, at) => (size << 7) | (view.getUint8(at) & 0x7f), 0);

/** @param {DataView} view @param {number} at where the first frame is */
function readMp3Rate(view, at) {
  if (at + 4 > view.byteLength || (view.getUint16(at) & 0xffe0) !== 0xffe0) return null;
  const isLayer3 = ((view.getUint8(at + 1) >> 1) & 3) === 1;
  return isLayer3 ? MP3_RATES[(view.getUint8(at + 1) >> 3) & 3][(view.getUint8(at + 2) >> 2) & 3] || null : null;
}
