// Fetches and decodes the tracks of a player.

const MEMORY_LIMIT = 6.5e8; // bytes of decoded audio, about six minutes of five stereo tracks at 44.1 kHz

/**
 * Rejects with an Error whose `track` could not be had. Above the memory limit all tracks become mono; one is decoded at a
 * time, so the peak stays low as well.
 * @param {SentTrack[]} tracks @param {number} sampleRate in Hz @param {AbortSignal} signal
 * @param {(track: SentTrack, n: number, total: number) => void} announce
 */
export async function decodeTracks(tracks, sampleRate, signal, announce) {
  const decoder = new OfflineAudioContext(2, 1, sampleRate);
  /** @type {Track[]} */
  const decoded = [];
  let folded = false;
  let coming = tracks.length ? fetchBytes(tracks[0], signal) : null;
  for (const [index, track] of tracks.entries()) {
    announce(track, index + 1, tracks.length);
    let buffer;
    try {
      const bytes = /** @type {ArrayBuffer} */ (await coming);
      coming = index + 1 < tracks.length ? fetchBytes(tracks[index + 1], signal) : null; // while this one is decoded
      coming?.catch(() => {}); // whoever awaits it is told
      buffer = await decoder.decodeAudioData(bytes);
    } catch (error) {
      throw Object.assign(/** @type {Error} */ (error), { track });
    }
    if (signal.aborted) throw new DOMException("replaced", "AbortError");
    if (buffer.numberOfChannels > 1 && buffer.length * buffer.numberOfChannels * 4 * tracks.length > MEMORY_LIMIT) {
      buffer = fold(buffer);
      folded = true;
    }
    const faders = { db: 0, pan: 0, mute: false, solo: false, matchDb: track.gain_db || 0 };
    decoded.push(/** @type {Track} */ ({ ...track, buffer, ...faders }));
  }
  return { tracks: decoded, folded };
}

/** @param {SentTrack} track @param {AbortSignal} signal */
async function fetchBytes(track, signal) {
  const answer = await fetch(track.file.url, { signal });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return answer.arrayBuffer();
}

/** The mean of all channels. @param {AudioBuffer} buffer */
function fold(buffer) {
  const mono = new AudioBuffer({ length: buffer.length, numberOfChannels: 1, sampleRate: buffer.sampleRate });
  const sum = mono.getChannelData(0);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const data = buffer.getChannelData(channel);
    for (let n = 0; n < sum.length; n++) sum[n] += data[n] / buffer.numberOfChannels;
    free(data);
  }
  return mono;
}

/** Gives samples' memory back at once, which the garbage collector may not do for long. @param {Float32Array} samples */
function free(samples) {
  const { port1, port2 } = new MessageChannel();
  port2.close(); // so that what is given to it is dropped
  port1.postMessage(null, [samples.buffer]);
}
