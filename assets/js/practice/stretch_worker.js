// What the Worker does: one stretcher for all channels of a song.
import { openStretch } from "./stretch.js";

/**
 * Answers every order in turn.
 * @param {{postMessage: (answer: StretchAnswer, given?: Transferable[]) => void, onmessage: unknown}} port
 * @param {() => Promise<any>} load imports the library
 */
export function serve(port, load) {
  /** @type {import("./stretch.js").Stretch} */ let stretch;
  /** @param {StretchOrder} order @returns {Promise<StretchAnswer>} */
  const obey = async (order) => {
    if (order.kind === "open") {
      stretch = await openStretch(load, order.channels, order.sampleRate);
      return { kind: "opened", delays: stretch.delays, history: stretch.history };
    }
    if (order.kind === "start") {
      stretch.start(order.before, order.tempo, order.pitch);
      return { kind: "started" };
    }
    return { kind: "samples", channels: stretch.process(order.song, order.frames, order.count) };
  };
  /** @type {Promise<void>} */ let last = Promise.resolve();
  port.onmessage = (/** @type {MessageEvent<StretchOrder>} */ { data }) => {
    last = last.then(async () => {
      try {
        const answer = await obey(data);
        port.postMessage(answer, answer.kind === "samples" ? answer.channels.map((samples) => samples.buffer) : []);
      } catch (error) {
        port.postMessage({ kind: "failed", reason: String(error) });
      }
    });
  };
}
