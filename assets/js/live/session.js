// Live on the page's side: a source of sound, the audio thread and the Worker joined. Draws nothing.
import { toGain } from "../format.js";

const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const FADE = 0.02; // seconds

/** @typedef {"microphone" | "tab"} Source */
/**
 * Of a running session: the sample of the audio clock at which it began, the load as a share of real time.
 * @typedef {{begin: number, seconds: Seconds, load: number, glitches: number}} Report
 */

/** Why nothing can be played; `reason` is the last part of a text's key. */
export class LiveError extends Error {
  /** @param {string} reason @param {unknown} [cause] */
  constructor(reason, cause) {
    super(cause instanceof Error ? cause.message : reason);
    this.reason = reason;
  }
}

/** Sound from a microphone, a line input or another tab. Rejects with LiveError. @param {Source} source */
export async function openSource(source) {
  if (!window.isSecureContext || !window.AudioWorkletNode) throw new LiveError("no_worklet");
  const { mediaDevices } = navigator;
  const isTab = source === "tab";
  if (isTab ? !mediaDevices?.getDisplayMedia : !mediaDevices?.getUserMedia)
    throw new LiveError(isTab ? "no_sharing" : "no_microphone");
  let stream;
  try {
    stream = isTab
      ? await mediaDevices.getDisplayMedia({ video: true, audio: { ...RAW, ...MUTE_TAB } })
      : await mediaDevices.getUserMedia({ audio: { ...RAW, channelCount: 2 } });
  } catch (error) {
    const isAbsent = error instanceof DOMException && error.name === "NotFoundError";
    throw new LiveError(isTab ? "not_shared" : isAbsent ? "no_microphone" : "refused", error);
  }
  if (!stream.getAudioTracks().length) {
    stopTracks(stream);
    throw new LiveError("no_sound");
  }
  return stream;
}

/** So that a tab does not sound twice; browsers that lack this ignore it. @type {object} */
const MUTE_TAB = { suppressLocalAudioPlayback: true };

/** @param {MediaStream} stream */
const stopTracks = (stream) => stream.getTracks().forEach((track) => track.stop());

export class LiveSession {
  /** @type {GainNode[]} */ faders = [];
  /** @type {AudioWorkletNode | null} */ node = null;
  /** @type {(reason?: string) => void} called where the source ends by itself, or with what broke */ onEnd = () => {};
  /** @type {(report: Report) => void} */ onReport = () => {};
  /** @type {Seconds} from a sound to its stems, the sound card's own delays left out */ latency = 0;
  context = new AudioContext({ latencyHint: "interactive" });

  /** @param {MediaStream} stream @param {import("../export/separation.js").Separation} separation */
  constructor(stream, separation) {
    this.stream = stream;
    this.separation = separation;
    this.output = this.context.createGain();
    this.output.connect(this.context.destination);
    stream.getAudioTracks()[0].addEventListener("ended", () => this.onEnd());
  }

  /** @param {string} worklet URL of the audio thread's module */
  async open(worklet) {
    await Promise.all([this.context.audioWorklet.addModule(worklet), this.context.resume(), this.separation.loaded]);
    this.source = this.context.createMediaStreamSource(this.stream);
  }

  /** Begins anew. @param {Seconds} delay of the model @param {Decibels[]} gains of the stems */
  async play(delay, gains) {
    this.disconnect();
    const { context } = this;
    const { port1, port2 } = new MessageChannel();
    const { sampleRate: rate } = context;
    const { store, latency, channels } = await this.separation.stream({ port: port1, rate, delay }, (reason) =>
      this.onEnd(reason),
    );
    if (context.state === "closed") return;
    this.latency = (store + latency) / rate;
    const node = new AudioWorkletNode(context, "sori-live", {
      numberOfOutputs: gains.length,
      outputChannelCount: gains.map(() => channels),
      channelCount: channels,
      channelCountMode: "explicit",
      processorOptions: { store, channels },
    });
    node.port.onmessage = ({ data }) => this.onReport(data);
    node.port.postMessage({ worker: port2 }, [port2]);
    this.faders = gains.map((db, n) => {
      const fader = new GainNode(context, { gain: toGain(db) });
      node.connect(fader, n).connect(this.output);
      return fader;
    });
    this.source?.connect(node);
    this.node = node;
  }

  /** @param {Decibels[]} gains of the stems */
  setGains(gains) {
    this.faders.forEach(({ gain }, n) => gain.setTargetAtTime(toGain(gains[n]), this.context.currentTime, FADE));
  }

  disconnect() {
    if (this.node) {
      this.source?.disconnect(this.node);
      this.node.disconnect();
      this.node.port.postMessage({ worker: null });
    }
    this.faders.forEach((fader) => fader.disconnect());
    this.node = null;
    this.faders = [];
  }

  close() {
    this.disconnect();
    stopTracks(this.stream);
    this.separation.endStream();
    this.context.close();
  }
}
