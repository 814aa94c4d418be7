// "Hear it learn": one excerpt after every epoch of a training, beside the true stem and the mixture, on one clock.
import { find, fromBase64, icon, make, paintOn, whenGone } from "../dom.js";
import { formatTime } from "../format.js";
import { claimSound, releaseSound } from "../player/now_playing.js";
import { onLanguage, text } from "../text.js";
import { drawSpectrogram } from "./spectrogram.js";

/** @typedef {"model" | "reference" | "mixture"} Voice */
/** @typedef {{buffer: AudioBuffer, image?: ImageData}} Sound */

const KEPT = 12; // decoded epochs; older ones are fetched again
const FADE_SECONDS = 0.012;
const SETTLE_MS = 120; // a slider that is being dragged does not fetch every epoch it passes

export class Excerpt {
  /** @type {PreviewsData | null} */ data = null;
  /** @type {Map<string, Sound>} by epoch or voice */ sounds = new Map();
  /** @type {Sound | null} the one that is shown */ current = null;
  /** @type {Voice} */ voice = "model";
  /** @type {number | null} */ epoch = null;
  /** @type {{source: AudioBufferSourceNode, gain: GainNode, since: Seconds} | null} */ playing = null;
  /** @type {AudioContext | null} */ context = null;
  /** @type {Seconds} */ offset = 0;
  built = false;
  turns = 0; // requests so far; an answer to an older one is dropped
  settling = 0;
  button = make("button", { type: "button", class: "play", onclick: () => this.toggle() });
  clock = make("output", { class: "clock" });
  slider = make("input", { type: "range", class: "epochs", min: 0, max: 0, step: 1, oninput: () => this.choose() });
  chips = { model: this.chip("model"), reference: this.chip("reference"), mixture: this.chip("mixture") };
  title = make("h3");
  about = make("p", { class: "quiet" });
  score = make("b", { class: "sdr" });
  canvas = make("canvas", { class: "spectrogram", role: "img" });
  line = make("i", { class: "playhead" });

  /** @param {HTMLElement} root @param {Hooks<PreviewsData>["server"]} server */
  constructor(root, server) {
    this.root = root;
    this.server = server;
  }

  /** @param {Voice} voice */
  chip(voice) {
    return make("button", {
      type: "button",
      class: "chip",
      onclick: () => {
        this.voice = voice;
        this.choose();
      },
    });
  }

  /** @param {PreviewsData | null} data */
  show(data) {
    const sameRun = data && this.data && data.run === this.data.run;
    const wasLast = !sameRun || this.epoch === this.data?.epochs.at(-1)?.[0];
    this.data = data;
    if (!data?.epochs?.length) {
      this.close();
      this.root.replaceChildren();
      this.built = false;
      return;
    }
    if (!sameRun) {
      this.stop();
      this.sounds.clear();
      this.offset = 0;
    }
    if (!this.built) this.build();
    this.slider.max = String(data.epochs.length - 1);
    // While it plays the epoch stays the listener's; otherwise the newest is shown as it arrives.
    const index =
      wasLast && !this.playing ? data.epochs.length - 1 : data.epochs.findIndex(([epoch]) => epoch === this.epoch);
    this.slider.value = String(Math.max(0, index));
    this.choose();
  }

  build() {
    const picture = make(
      "div",
      { class: "picture", onclick: (/** @type {MouseEvent} */ event) => this.seek(event) },
      this.canvas,
      this.line,
    );
    this.root.replaceChildren(
      make(
        "section",
        { class: "card learn-card sori-player" },
        make("header", {}, this.title, this.about),
        make(
          "div",
          { class: "transport" },
          this.button,
          make("div", { class: "chips" }, ...Object.values(this.chips)),
          this.clock,
        ),
        make("label", { class: "epoch-line" }, this.score, this.slider),
        picture,
      ),
    );
    this.built = true;
  }

  get name() {
    return this.voice === "model" ? String(this.epoch) : this.voice;
  }

  choose() {
    const [epoch, sdr] = this.data?.epochs[Number(this.slider.value)] ?? [0, null];
    this.epoch = epoch;
    this.title.textContent = text("live.hear");
    this.about.textContent = text("live.hear_about");
    for (const [voice, chip] of Object.entries(this.chips)) {
      chip.textContent = text(`live.hear_${voice}`, { epoch });
      chip.setAttribute("aria-pressed", String(voice === this.voice));
    }
    const level = typeof sdr === "number" ? ` · SDR ${sdr.toFixed(2)} dB` : "";
    this.score.textContent = `${text("live.hear_epoch")} ${epoch}${level}`;
    this.slider.setAttribute("aria-label", text("live.hear_epoch"));
    this.slider.setAttribute("aria-valuetext", this.score.textContent);
    this.refresh();
    clearTimeout(this.settling);
    this.settling = window.setTimeout(() => this.turn(), SETTLE_MS);
  }

  // Shows the chosen sound and, while playing, moves over to it at the same position.
  async turn() {
    const turn = ++this.turns;
    try {
      const sound = await this.fetch(this.name);
      if (turn !== this.turns) return;
      this.current = sound;
      this.about.classList.remove("bad");
      this.draw(sound);
      if (this.playing) this.startAt(this.position());
    } catch (error) {
      this.about.textContent = text("live.hear_gone", { reason: /** @type {Error} */ (error).message });
      this.about.classList.add("bad");
    }
    this.refresh();
  }

  /** @param {string} name an epoch or a voice @returns {Promise<Sound>} */
  async fetch(name) {
    const cached = this.sounds.get(name);
    if (cached) return cached;
    const encoded = await this.server.read_preview([this.data?.run ?? "", name]);
    if (!encoded) throw new Error(name);
    this.context ??= new AudioContext();
    const sound = { buffer: await this.context.decodeAudioData(fromBase64(encoded).buffer) };
    this.sounds.set(name, sound);
    const epochs = [...this.sounds.keys()].filter((key) => /^\d+$/.test(key));
    if (epochs.length > KEPT) this.sounds.delete(epochs[0]);
    return sound;
  }

  /** @param {Sound} sound */
  draw(sound) {
    sound.image ??= drawSpectrogram(sound.buffer.getChannelData(0), sound.buffer.sampleRate);
    this.canvas.width = sound.image.width;
    this.canvas.height = sound.image.height;
    paintOn(this.canvas).putImageData(sound.image, 0, 0);
    this.canvas.setAttribute("aria-label", text("live.hear_picture", { name: this.chips[this.voice].textContent }));
    this.root.dataset.shown = this.name;
  }

  async toggle() {
    if (this.playing) return this.pause();
    if (!this.current) await this.turn();
    if (!this.current) return;
    claimSound(this);
    await this.context?.resume();
    this.startAt(this.offset);
    this.tick();
    this.refresh();
  }

  /** @param {Seconds} offset */
  startAt(offset) {
    const { context, current } = this;
    if (!context || !current) return;
    const [source, gain] = [context.createBufferSource(), context.createGain()];
    source.buffer = current.buffer;
    source.loop = true;
    gain.gain.setValueAtTime(0, context.currentTime);
    gain.gain.linearRampToValueAtTime(1, context.currentTime + FADE_SECONDS);
    source.connect(gain).connect(context.destination);
    source.start(context.currentTime, offset % current.buffer.duration);
    this.stop();
    this.playing = { source, gain, since: context.currentTime - offset };
  }

  stop() {
    if (!this.playing || !this.context) return;
    const { source, gain } = this.playing;
    const now = this.context.currentTime;
    gain.gain.cancelScheduledValues(now);
    gain.gain.setValueAtTime(gain.gain.value, now);
    gain.gain.linearRampToValueAtTime(0, now + FADE_SECONDS);
    source.stop(now + FADE_SECONDS);
    this.playing = null;
  }

  position() {
    if (!this.playing || !this.context || !this.current) return this.offset;
    return (this.context.currentTime - this.playing.since) % this.current.buffer.duration;
  }

  pause() {
    if (!this.playing) return;
    this.offset = this.position();
    this.stop();
    this.refresh();
  }

  /** @param {MouseEvent} event */
  seek(event) {
    if (!this.current) return;
    const box = this.canvas.getBoundingClientRect();
    this.offset = ((event.clientX - box.left) / box.width) * this.current.buffer.duration;
    if (this.playing) this.startAt(this.offset);
    this.refresh();
  }

  tick() {
    this.refresh();
    if (this.playing && this.root.isConnected) requestAnimationFrame(() => this.tick());
  }

  refresh() {
    if (!this.built) return;
    const duration = this.current?.buffer.duration || 0;
    const word = text(this.playing ? "live.hear_pause" : "live.hear_play");
    if (this.button.getAttribute("aria-label") !== word) {
      this.button.setAttribute("aria-label", word);
      this.button.replaceChildren(icon(this.playing ? "pause" : "play"));
    }
    this.clock.textContent = duration ? `${formatTime(this.position())} / ${formatTime(duration)}` : "";
    this.line.style.left = duration ? `${(100 * this.position()) / duration}%` : "0";
  }

  close() {
    this.stop();
    releaseSound(this);
    this.context?.close();
    this.context = null;
    this.current = null;
  }
}

/** @param {Hooks<PreviewsData>} hooks */
export function mountLearn({ element, props, watch, server }) {
  const root = find(element, ".sori-learn");
  const excerpt = new Excerpt(root, server);
  Object.assign(root, { excerpt }); // for the browser tests
  const show = () => excerpt.show(props.value || null);
  watch("value", show);
  const stopLanguage = onLanguage(() => {
    if (excerpt.built) excerpt.choose();
  });
  whenGone(element, () => {
    excerpt.close();
    stopLanguage();
  });
  show();
}
