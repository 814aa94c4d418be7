// The stem mixer: faders, pan, mute, solo, a switch between song and stems, null test, export and practice controls.
import { icon, make } from "../dom.js";
import { formatPercent } from "../format.js";
import { Practice } from "../practice/panel.js";
import { makeRange } from "../practice/range.js";
import { text, trackName } from "../text.js";
import { Player } from "./player.js";
import { exportMix, exportTrack, measureNull } from "./render.js";
import { colourOf } from "./tracks.js";

export class Mixer extends Player {
  /** @type {HTMLButtonElement[]} */ viewButtons = [];
  /** @type {Decibels | undefined} level of mixture minus stems below the mixture */ nullDb;
  /** @type {Practice | null} once there are tracks */ practice = null;
  nullNote = make("span", { class: "null-note", role: "status" });
  exportButton = make("button", { type: "button", class: "chip export", onclick: () => this.export() });

  /** Asks for the song's analysis once it can be played, so that both do not wait for one another. */
  async open() {
    await super.open();
    if (this.ready && !this.closed && !this.data.analysis) this.trigger("submit", null);
  }

  build() {
    this.practice ??= new Practice(this);
    const panel = this.practice.build();
    super.build();
    this.root.querySelector(".transport")?.after(panel);
  }

  controls() {
    /** @type {("stems" | "mixture" | "null")[]} */
    const views = this.engine.mixture ? ["stems", "mixture", "null"] : [];
    this.viewButtons = views.map((view) =>
      make("button", {
        type: "button",
        class: "chip",
        "data-view": view,
        title: view === "null" ? text("player.null_hint") : null,
        text: text(`player.${view}`),
        onclick: () => this.setView(view),
      }),
    );
    this.exportButton.replaceChildren(icon("save"), make("span", { text: text("player.export") }));
    return [
      make("div", { class: "chips", role: "group", "aria-label": text("player.listen_to") }, ...this.viewButtons),
      this.nullNote,
      this.exportButton,
    ];
  }

  /** @param {Track} track @param {number} index @returns {Row} */
  row(track, index) {
    const name = trackName(track);
    const isMixture = track.kind === "mixture";
    /** @param {"mute" | "solo"} what @param {string} letter */
    const toggle = (what, letter) =>
      make("button", {
        type: "button",
        class: `letter ${what}`,
        "aria-label": text(`player.${what}`, { name }),
        text: letter,
        onclick: () => this.flip(track, what),
      });
    const mute = isMixture ? null : toggle("mute", "M");
    const solo = isMixture ? null : toggle("solo", "S");
    const gain = isMixture
      ? null
      : this.slider(
          "player.gain",
          track.db,
          (db) => {
            track.db = db;
          },
          { name },
        );
    const pan = isMixture ? null : this.panSlider(track, name);
    const link = make(
      "a",
      {
        class: "letter",
        href: track.download.file.url,
        download: track.download.name,
        "aria-label": text("player.download", { name }),
        onclick: (/** @type {MouseEvent} */ event) => this.saveTrack(track, event),
      },
      icon("save"),
    );
    const title = make(
      "span",
      { class: "title", title: name },
      make("i", { class: "dot", style: `background: var(${colourOf(track, index)})` }),
      make("b", { class: "number", text: index + this.firstNumber, "aria-hidden": "true" }),
      make("span", { text: name }),
    );
    const head = make(
      "div",
      {
        class: "head",
        onclick: () => {
          this.choose(index);
          this.refresh();
        },
      },
      title,
      link,
      gain && pan && make("span", { class: "faders" }, gain, pan),
      mute && make("span", { class: "buttons" }, mute, solo),
    );
    const lane = make(
      "div",
      { class: "lane", role: "img", "aria-label": text("player.waveform", { name }) },
      this.board.tracks[index].canvas,
    );
    const update = () => {
      mute?.setAttribute("aria-pressed", String(track.mute));
      solo?.setAttribute("aria-pressed", String(track.solo));
      gain?.show(track.db);
      pan?.show(track.pan);
    };
    return { head, lane, update };
  }

  /** @param {Track} track @param {string} name */
  panSlider(track, name) {
    return makeRange({
      label: text("practice.pan", { name }),
      class: "pan",
      min: -1,
      max: 1,
      step: 0.05,
      value: track.pan,
      describe: (pan) =>
        pan
          ? text(pan < 0 ? "practice.left" : "practice.right", { share: formatPercent(Math.abs(pan)) })
          : text("practice.middle"),
      change: (pan) => {
        track.pan = pan;
        this.engine.apply();
        this.refresh();
      },
    });
  }

  /** Repeats what lies between the markers around the position: without markers the whole song. */
  toggleLoop() {
    const { engine, practice } = this;
    engine.setLoop(engine.loop || !practice ? null : practice.markers.sectionAt(engine.position, engine.duration));
    this.refresh();
  }

  /** @param {Loop} loop @param {MouseEvent} event */
  fitLoop(loop, event) {
    return this.practice?.fitLoop(loop, event.altKey) ?? loop;
  }

  /** @param {Track} track @param {"mute" | "solo"} what */
  flip(track, what) {
    track[what] = !track[what];
    this.engine.apply();
    this.refresh();
  }

  /** @param {"stems" | "mixture" | "null"} view */
  async setView(view) {
    this.engine.view = view;
    this.engine.apply();
    this.refresh();
    if (view === "null" && this.nullDb === undefined) {
      this.nullNote.textContent = text("player.measuring");
      this.nullDb = await measureNull(this.engine);
      if (this.closed) return;
    }
    this.refresh();
  }

  refresh() {
    this.engine.setAnalysis(this.data.analysis ?? null);
    super.refresh();
    this.practice?.refresh();
    for (const button of this.viewButtons)
      button.setAttribute("aria-pressed", String(button.dataset.view === this.engine.view));
    if (this.engine.view !== "null") this.nullNote.textContent = "";
    else if (this.nullDb !== undefined) {
      this.nullNote.textContent = Number.isFinite(this.nullDb)
        ? text("player.null_level", { level: this.nullDb.toFixed(1) })
        : text("player.null_exact");
    }
  }

  actions() {
    const track = this.engine.tracks[this.chosen];
    /** @param {number} sign */
    const louder = (sign) => () => {
      track.db = Math.max(-60, Math.min(12, track.db + sign));
      this.engine.apply();
    };
    /** @type {import("./player.js").Actions} */
    const own = {
      a: () => {
        this.setView(this.engine.view === "stems" && this.engine.mixture ? "mixture" : "stems");
      },
    };
    if (this.engine.mixture)
      own.n = () => {
        this.setView(this.engine.view === "null" ? "stems" : "null");
      };
    if (track.kind !== "mixture")
      Object.assign(own, {
        m: () => this.flip(track, "mute"),
        s: () => this.flip(track, "solo"),
        arrowup: louder(1),
        arrowdown: louder(-1),
      });
    return { ...super.actions(), ...this.practice?.actions(), ...own };
  }

  async export() {
    const label = /** @type {HTMLElement} */ (this.exportButton.querySelector("span"));
    label.textContent = text("player.exporting");
    this.exportButton.disabled = true;
    try {
      this.offer(await exportMix(this.engine), "mix");
    } finally {
      this.exportButton.disabled = false;
      label.textContent = text("player.export");
    }
  }

  /**
   * The link leads to the whole file; of a loop, or at another tempo or pitch, what sounds of it is made here.
   * @param {Track} track @param {MouseEvent} event
   */
  async saveTrack(track, event) {
    if (!this.engine.loop && !this.engine.stretched) return;
    event.preventDefault();
    this.offer(await exportTrack(this.engine, track), track.kind);
  }

  /** @param {Blob} wav @param {string} part of the song */
  offer(wav, part) {
    const { loop } = this.engine;
    const region = loop ? ` ${[loop.start, loop.end].map((at) => at.toFixed(2)).join("-")} s` : "";
    const url = URL.createObjectURL(wav);
    make("a", { href: url, download: `${this.data.title || "song"} - ${part}${region}.wav` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  close() {
    this.practice?.close();
    super.close();
  }
}
