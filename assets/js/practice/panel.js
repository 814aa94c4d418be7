// The mixer's practice controls: tempo and pitch, click, presets and markers, in a part of the page that folds.
import { make } from "../dom.js";
import { formatSigned } from "../format.js";
import { text, trackName } from "../text.js";
import { hasBeats, snapToBars } from "./bars.js";
import { Markers } from "./markers.js";
import { applyPreset, isApplied, listPresets } from "./presets.js";
import { makeRange } from "./range.js";
import { describeEngine, loadSettings, restoreEngine, saveSettings } from "./settings.js";

const SLOWEST = 50,
  FASTEST = 150; // percent
const HIGHEST = 12; // semitones
const SETTLE = 80; // ms for which a slider stands still before the sound follows
const SAVE_AFTER = 300; // ms

export class Practice {
  snap = true;
  isOpen = false;
  /** @type {(() => void)[]} what brings the controls up to date */ updates = [];
  percent = 100;
  semitones = 0;
  problem = "";

  /** @param {import("../player/mixer.js").Mixer} mixer whose tracks are loaded */
  constructor(mixer) {
    this.mixer = mixer;
    this.engine = mixer.engine;
    const { title } = mixer.data;
    this.song = title ? `${title}|${this.engine.length}` : "";
    this.markers = new Markers({
      position: () => this.engine.position,
      seek: (at) => mixer.seek(at),
      changed: () => {
        mixer.board.setMarkers(this.markers.list);
        this.saveSoon();
      },
    });
    this.engine.onProblem = (error) => {
      this.problem = text("practice.problem", { reason: error.message });
      [this.percent, this.semitones] = [100, 0];
      mixer.refresh();
    };
    this.restore();
  }

  restore() {
    const found = this.song && loadSettings(this.song);
    if (!found) return;
    restoreEngine(this.engine, found);
    this.markers.restore(found.markers, this.engine.duration);
    this.mixer.board.setMarkers(this.markers.list);
    this.snap = found.snap !== false;
    this.isOpen = found.isOpen === true;
    this.percent = Math.round(100 * this.engine.tempo);
    this.semitones = this.engine.semitones;
  }

  saveSoon() {
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.save(), SAVE_AFTER);
  }

  save() {
    clearTimeout(this.saving);
    if (!this.song || !this.engine.tracks.length) return;
    const { snap, isOpen, markers } = this;
    saveSettings(this.song, { ...describeEngine(this.engine), snap, isOpen, markers: markers.list });
  }

  build() {
    this.updates = [];
    this.markers.draw();
    const state = make("span", { class: "practice-state", role: "status" });
    const problem = make("p", { class: "player-note bad", role: "status" });
    this.updates.push(() => {
      state.textContent = this.describe();
      problem.textContent = this.problem;
      problem.hidden = !this.problem;
    });
    const panel = make(
      "details",
      { class: "practice", open: this.isOpen, ontoggle: () => this.fold(panel.open) },
      make("summary", {}, make("span", { text: text("practice.title") }), state),
      this.speedRow(),
      this.clickRow(),
      this.presetRow(),
      this.markers.row,
      problem,
      make("p", { class: "player-note keys", text: text("practice.keys") }),
    );
    return panel;
  }

  /** @param {boolean} isOpen */
  fold(isOpen) {
    this.isOpen = isOpen;
    this.saveSoon();
  }

  refresh() {
    this.updates.forEach((update) => update());
    this.saveSoon();
  }

  /** Tempo, pitch and click in a few signs, where they are not the song's own. */
  describe() {
    const { click, analysis } = this.engine;
    const parts = [];
    if (this.percent !== 100) parts.push(this.describeTempo(this.percent));
    if (this.semitones) parts.push(text("practice.semitones", { n: formatSigned(this.semitones).replace(".0", "") }));
    if (click.on && hasBeats(analysis)) parts.push(text("practice.click"));
    return parts.join(" · ");
  }

  /** @param {number} percent */
  describeTempo(percent) {
    const bpm = this.engine.analysis?.tempo_bpm;
    return bpm ? `${percent} % · ${Math.round((bpm * percent) / 100)} bpm` : `${percent} %`;
  }

  speedRow() {
    const tempo = makeRange({
      label: text("practice.tempo"),
      min: SLOWEST,
      max: FASTEST,
      step: 1,
      value: this.percent,
      neutral: 100,
      describe: (percent) => this.describeTempo(percent),
      change: (percent) => this.setSpeed({ percent }),
    });
    /** @param {number} n */
    const describePitch = (n) => text("practice.semitones", { n: n ? formatSigned(n).replace(".0", "") : "0" });
    const pitch = makeRange({
      label: text("practice.pitch"),
      min: -HIGHEST,
      max: HIGHEST,
      step: 1,
      value: this.semitones,
      describe: describePitch,
      change: (semitones) => this.setSpeed({ semitones }),
    });
    const [tempoText, pitchText] = [make("output"), make("output")];
    const reset = make("button", {
      type: "button",
      class: "chip",
      text: text("practice.reset"),
      title: text("practice.reset_hint"),
      onclick: () => this.setSpeed({ percent: 100, semitones: 0 }),
    });
    this.updates.push(() => {
      tempo.show(this.percent);
      pitch.show(this.semitones);
      tempoText.textContent = this.describeTempo(this.percent);
      pitchText.textContent = describePitch(this.semitones);
      reset.disabled = this.percent === 100 && this.semitones === 0;
    });
    return make(
      "div",
      { class: "practice-row" },
      make("label", {}, make("span", { text: text("practice.tempo") }), tempo, tempoText),
      make("label", {}, make("span", { text: text("practice.pitch") }), pitch, pitchText),
      reset,
    );
  }

  /** The sliders move at once; the sound follows once they stand still. @param {{percent?: number, semitones?: number}} how */
  setSpeed({ percent = this.percent, semitones = this.semitones }) {
    this.percent = Math.min(FASTEST, Math.max(SLOWEST, percent));
    this.semitones = Math.min(HIGHEST, Math.max(-HIGHEST, semitones));
    this.problem = "";
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.engine.change({ tempo: this.percent / 100, semitones: this.semitones });
      this.saveSoon();
    }, SETTLE);
    this.refresh();
  }

  /** @param {string} key of a text @param {() => boolean} isOn @param {() => void} flip @param {string} [hint] */
  toggle(key, isOn, flip, hint) {
    const button = make("button", {
      type: "button",
      class: "chip",
      text: text(key),
      title: hint,
      onclick: () => {
        flip();
        this.engine.apply();
        this.mixer.refresh();
      },
    });
    this.updates.push(() => button.setAttribute("aria-pressed", String(isOn())));
    return button;
  }

  clickRow() {
    const { click } = this.engine;
    const volume = makeRange({
      label: text("practice.click_volume"),
      class: "gain",
      min: -60,
      max: 12,
      step: 0.5,
      value: click.db,
      neutral: -6,
      describe: (db) => `${db} dB`,
      change: (db) => {
        click.db = db;
        this.engine.apply();
        this.saveSoon();
      },
    });
    const row = make(
      "div",
      { class: "practice-row" },
      this.toggle(
        "practice.click",
        () => click.on,
        () => this.flipClick(),
      ),
      volume,
      this.toggle(
        "practice.count_in",
        () => click.countIn,
        () => {
          click.countIn = !click.countIn;
        },
        text("practice.count_in_hint"),
      ),
      this.toggle(
        "practice.snap",
        () => this.snap,
        () => {
          this.snap = !this.snap;
        },
        text("practice.snap_hint"),
      ),
    );
    this.updates.push(() => {
      row.hidden = !hasBeats(this.engine.analysis);
    });
    return row;
  }

  flipClick() {
    this.engine.click.on = !this.engine.click.on;
    this.engine.apply();
  }

  presetRow() {
    const { stems, tracks } = this.engine;
    const presets = listPresets(stems);
    const buttons = presets.map((preset) => {
      const button = make("button", {
        type: "button",
        class: "chip",
        "data-preset": preset,
        onclick: () => {
          applyPreset(preset, stems, tracks[this.mixer.chosen]);
          this.mixer.setView("stems");
          this.engine.apply();
        },
      });
      this.updates.push(() => {
        const chosen = tracks[this.mixer.chosen];
        button.textContent = text(`practice.${preset}`, { name: trackName(chosen) });
        button.disabled = preset === "only" && chosen.kind === "mixture";
        button.setAttribute("aria-pressed", String(isApplied(preset, stems, chosen)));
      });
      return button;
    });
    const chips = make("div", { class: "chips", role: "group", "aria-label": text("practice.presets") }, ...buttons);
    return make("div", { class: "practice-row", hidden: !buttons.length }, chips);
  }

  /** A region as it is to be repeated: from bar to bar, unless that is off or Alt is held. @param {Loop} loop @param {boolean} isFree */
  fitLoop(loop, isFree) {
    const { analysis, duration } = this.engine;
    return this.snap && !isFree && hasBeats(analysis) ? snapToBars(loop, analysis, duration) : loop;
  }

  /** @returns {import("../player/player.js").Actions} */
  actions() {
    return {
      ",": () => this.setSpeed({ percent: this.percent - 5 }),
      ".": () => this.setSpeed({ percent: this.percent + 5 }),
      d: () => this.setSpeed({ semitones: this.semitones - 1 }),
      u: () => this.setSpeed({ semitones: this.semitones + 1 }),
      c: () => this.flipClick(),
      k: () => this.markers.add(),
    };
  }

  close() {
    clearTimeout(this.settling);
    this.save();
  }
}
