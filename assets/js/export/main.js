// An exported page: a song in, progress, stems in the mixer; or live. Nothing leaves the computer.
import { find, make } from "../dom.js";
import { formatPercent, formatTime } from "../format.js";
import { carryFft } from "../lanes/start_worker.js";
import { LivePanel } from "../live/panel.js";
import { Mixer } from "../player/mixer.js";
import { onLanguage, text, trackName } from "../text.js";
import { carryModules } from "../worker.js";
import { decode } from "./decode.js";
import { buildAbout, buildHeader, followLooks } from "./frame.js";
import { Separation } from "./separation.js";

/**
 * Builds the page.
 * @param {import("../worker.js").Modules} modules @param {import("../worker.js").Link} link
 */
export function start(modules, link) {
  const model = /** @type {ModelSettings} */ (JSON.parse(find(document, "#sori-model").textContent ?? ""));
  carryModules(modules, link);
  // It imports nothing. The audio thread of a page from a file takes no blob.
  const [, worklet] = modules.find(([path]) => path === "js/live/worklet.js") ?? [];
  const url = `data:text/javascript;charset=utf-8,${encodeURIComponent(worklet ?? "")}`;
  const page = new Page(model, new Separation(model), url);
  Object.assign(find(document, "#sori"), { page }); // for the browser tests
}

class Page {
  /** @type {Mixer | null} */ mixer = null;
  /** @type {string[]} object URLs of the song in the mixer */ shown = [];
  /** @type {() => string} what the status says, in any language */ sentence = () => "";
  job = 0; // counts songs, so that a stopped one is not shown

  /** @param {ModelSettings} model @param {Separation} separation @param {string} worklet URL */
  constructor(model, separation, worklet) {
    this.model = model;
    this.separation = separation;
    carryFft(() => separation.fft);
    this.input = make("input", {
      type: "file",
      accept: "audio/*,video/*",
      onchange: () => this.take(this.input.files),
    });
    this.drop = make("label", { class: "drop" });
    this.status = make("span", { role: "status" });
    this.share = make("span");
    this.fill = make("i");
    this.bar = make("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, this.fill);
    this.stopButton = make("button", { type: "button", class: "plain", onclick: () => this.stop() });
    this.card = make("div", { class: "card progress-card", hidden: true });
    this.player = make("div", { class: "sori-player", tabindex: 0, role: "group", hidden: true });
    this.song = make("div", { class: "song" }, this.drop, this.card, this.player);
    this.live = new LivePanel(model, separation, worklet);
    this.modes = { song: this.song, live: this.live.element };
    this.switch = make("div", { class: "modes", role: "group" });
    this.build();
    onLanguage(() => this.build());
    followLooks();
    this.setMode(location.hash === "#live" ? "live" : "song");
    this.watchDrops();
  }

  build() {
    const { model } = this;
    document.title = `${text("export.title")} · ${model.name}`;
    this.drop.replaceChildren(
      this.input,
      make("strong", { text: text("export.drop") }),
      make("span", { text: text("export.choose") }),
    );
    this.stopButton.textContent = text("export.stop");
    this.status.textContent = this.sentence();
    this.card.replaceChildren(make("div", { class: "line" }, this.status, this.share), this.bar, this.stopButton);
    this.switch.setAttribute("aria-label", text("stream.mode"));
    this.switch.replaceChildren(
      ...Object.entries(this.modes).map(([mode, { hidden }]) =>
        make("button", {
          type: "button",
          class: "plain",
          "data-mode": mode,
          "aria-pressed": String(!hidden),
          text: text(`stream.${mode}`),
          onclick: () => this.setMode(mode),
        }),
      ),
    );
    this.live.build();
    const stems = model.stems.map((kind) => trackName({ kind })).join(", ");
    find(document, "#sori").replaceChildren(
      buildHeader(text("export.makes", { name: model.name, stems })),
      make("p", { class: "privacy", text: text("export.privacy") }),
      this.switch,
      this.song,
      this.live.element,
      buildAbout(model),
    );
  }

  /** Shows one mode and stops the other. @param {string} mode */
  setMode(mode) {
    if (mode === "live" && this.isBusy) this.stop();
    if (mode === "song") this.live.stop();
    for (const [name, element] of Object.entries(this.modes)) {
      element.hidden = name !== mode;
      find(this.switch, `[data-mode=${name}]`).setAttribute("aria-pressed", String(name === mode));
    }
  }

  get isBusy() {
    return !this.stopButton.hidden && !this.card.hidden;
  }

  watchDrops() {
    addEventListener("dragover", (event) => {
      event.preventDefault();
      this.drop.classList.add("over");
    });
    addEventListener("dragleave", (event) => this.drop.classList.toggle("over", event.relatedTarget !== null));
    addEventListener("drop", (event) => {
      event.preventDefault();
      this.drop.classList.remove("over");
      this.take(event.dataTransfer?.files ?? null);
    });
  }

  /** @param {FileList | null} files of which the first is separated */
  take(files) {
    const file = files?.[0];
    if (file) {
      this.setMode("song");
      this.separate(file);
    }
    this.input.value = ""; // the same file may be chosen again
  }

  /** @param {File} file */
  async separate(file) {
    if (this.isBusy) this.separation.restart();
    const job = ++this.job;
    const { name } = file;
    this.closeMixer();
    this.show(() => text("export.reading", { name }), 0);
    let song;
    try {
      song = await decode(file);
    } catch {
      if (job === this.job) this.show(() => text("export.no_audio", { name }));
      return;
    }
    try {
      this.show(() => text("export.loading"), 0);
      await this.separation.loaded;
      if (job !== this.job) return;
      await this.run(file, song, job);
    } catch (error) {
      if (job !== this.job) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.show(() => text("export.failed", { reason }));
      this.separation.restart();
    }
  }

  /** @param {File} file @param {{channels: Float32Array[], rate: number}} song @param {number} job */
  async run(file, song, job) {
    const { name } = file;
    const { rate } = song;
    const duration = song.channels[0].length / rate;
    const sentence = () => text("export.separating", { name });
    this.show(sentence, 0);
    const started = performance.now();
    const stems = await this.separation.separate(song, (share) => this.show(sentence, share));
    if (job !== this.job) return;
    const seconds = (performance.now() - started) / 1000;
    Object.assign(this.player.dataset, { seconds: seconds.toFixed(3), duration: duration.toFixed(3) });
    const values = { name, length: formatTime(duration), seconds: seconds.toFixed(1) };
    this.show(() => text("export.done", { ...values, speed: (duration / seconds).toFixed(1) }));
    this.openMixer(file, rate, stems);
  }

  /** @param {File} file @param {number} rate in Hz @param {{kind: Kind, wav: Blob}[]} stems */
  openMixer(file, rate, stems) {
    const title = file.name.replace(/\.[^.]*$/, "");
    /** @param {Kind} kind @param {Blob} blob @param {string} name @returns {SentTrack} */
    const track = (kind, blob, name) => {
      const url = URL.createObjectURL(blob);
      this.shown.push(url);
      return { kind, name: "", gain_db: 0, file: { url }, download: { file: { url }, name } };
    };
    const tracks = stems.map(({ kind, wav }) => track(kind, wav, `${title}_${kind}.wav`));
    tracks.unshift(track("mixture", file, file.name));
    this.player.hidden = false;
    this.mixer = new Mixer(this.player, { mode: "mixer", title, sample_rate: rate, tracks }, () => {});
    Object.assign(this.player, { player: this.mixer }); // for the browser tests
    this.mixer.open();
  }

  closeMixer() {
    this.mixer?.close();
    this.mixer = null;
    this.shown.splice(0).forEach((url) => URL.revokeObjectURL(url));
    this.player.hidden = true;
  }

  stop() {
    this.job++;
    this.separation.restart();
    this.show(() => text("export.stopped"));
  }

  /** @param {() => string} sentence @param {number} [share] of the work; without it nothing is being done */
  show(sentence, share) {
    const isBusy = share !== undefined;
    this.sentence = sentence;
    this.status.textContent = sentence();
    this.share.textContent = isBusy ? formatPercent(share) : "";
    this.fill.style.width = `${100 * (share ?? 0)}%`;
    this.bar.setAttribute("aria-valuenow", String(Math.round(100 * (share ?? 0))));
    this.bar.setAttribute("aria-label", sentence());
    this.bar.hidden = this.stopButton.hidden = !isBusy;
    this.card.hidden = false;
  }
}
