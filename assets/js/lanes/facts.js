// The row above the lanes: tempo, key and tuning of the song, and what the lanes show of it.
import { make } from "../dom.js";
import { text } from "../text.js";
import { doubleTempo, followTaps, halveTempo, Taps } from "./tempo.js";

const SURE_TEMPO = 0.8; // share of regular beats
const SURE_KEY = 0.15; // distance of the next key's correlation
const TUNED_CENTS = 5;

/** A level such as "−14.2". @param {number} level */
const signed = (level) => level.toFixed(1).replace("-", "−");

/** @param {SongAnalysis | null} analysis @param {Kind} kind @returns {{short: string, long: string}} */
export function describeLoudness(analysis, kind) {
  const found = analysis?.loudness[kind];
  if (found?.lufs == null) return { short: "", long: "" };
  const short = `${signed(found.lufs)} LUFS`;
  const peak = found.true_peak_db == null ? "" : text("player.true_peak", { db: signed(found.true_peak_db) });
  return { short, long: [text("player.loudness", { lufs: signed(found.lufs) }), peak].filter(Boolean).join(" · ") };
}

/** A button of the row, whose name begins with what is written on it. @param {string} label @param {string} title @param {() => void} onclick */
const chip = (label, title, onclick) =>
  make("button", {
    type: "button",
    class: "chip",
    text: label,
    title,
    "aria-label": /[\p{L}\p{N}]/u.test(label) ? `${label}: ${title}` : title,
    onclick,
  });

export class Facts {
  taps = new Taps();
  /** @type {HTMLElement} */ element = make("div", { class: "facts" });

  /** @param {import("./board.js").Board} board @param {import("./board.js").Calls} calls */
  constructor(board, calls) {
    this.board = board;
    this.calls = calls;
    this.tempo = make("output", { class: "fact tempo" });
    this.key = make("span", { class: "fact" });
    this.tuning = make("span", { class: "fact" });
  }

  build() {
    const { board } = this;
    /** @param {(analysis: SongAnalysis) => SongAnalysis} change */
    const correct = (change) => () => {
      if (board.analysis) this.calls.correct(change(board.analysis));
    };
    this.octaves = make(
      "span",
      { class: "chips" },
      chip("÷2", text("player.halve_tempo"), correct(halveTempo)),
      chip("×2", text("player.double_tempo"), correct(doubleTempo)),
    );
    const tap = chip(text("player.tap"), text("player.tap_hint"), () => this.tap());
    tap.classList.add("tap");
    this.looks = /** @type {const} */ (["waveform", "spectrogram"]).map((look) =>
      make("button", {
        type: "button",
        class: "chip",
        "data-look": look,
        text: text(`player.look_${look}`),
        onclick: () => this.show(look),
      }),
    );
    const looks = make("div", { class: "chips", role: "group", "aria-label": text("player.looks") }, ...this.looks);
    this.fit = chip(text("player.fit"), text("player.fit_hint"), () => board.view.fit());
    this.fit.classList.add("fit");
    const zoom = make(
      "span",
      { class: "chips zoom", role: "group", "aria-label": text("player.zoom") },
      chip("−", text("player.zoom_out"), () => board.zoom(0.5)),
      chip("+", text("player.zoom_in"), () => board.zoom(2)),
      this.fit,
    );
    const tempo = make("span", { class: "tempo-box" }, this.tempo, this.octaves, tap);
    this.element.replaceChildren(tempo, this.key, this.tuning, make("span", { class: "lane-tools" }, looks, zoom));
    this.update();
    return this.element;
  }

  /** @param {import("./lane.js").Look} look */
  async show(look) {
    const shown = this.board.setLook(look);
    this.update();
    await shown;
    this.update();
  }

  /** While the song plays, taps are places in it; else only their distance counts. */
  tap() {
    const { analysis, view } = this.board;
    const isPlaying = this.calls.isPlaying();
    const bpm = this.taps.add(isPlaying ? this.calls.position() : performance.now() / 1000);
    if (bpm === null) return;
    const beat = isPlaying ? this.taps.beat(bpm) : (analysis?.beats[analysis.first_downbeat] ?? 0);
    this.calls.correct(followTaps(analysis, bpm, beat, view.duration));
  }

  update() {
    const { analysis } = this.board;
    this.writeTempo(analysis);
    this.key.hidden = !analysis?.key;
    if (analysis?.key) {
      const { tonic, mode, confidence } = analysis.key;
      const name = text(`player.key_${mode}`, { tonic: tonic.replace("#", "♯").replace(/(?<=.)b/, "♭") });
      this.key.textContent = confidence < SURE_KEY ? text("player.probably", { fact: name }) : name;
      this.key.title = text("player.key_confidence", { confidence: confidence.toFixed(2) });
    }
    const cents = analysis?.tuning_cents;
    this.tuning.hidden = cents == null || Math.abs(cents) < TUNED_CENTS;
    if (cents != null) {
      const hz = (440 * 2 ** (cents / 1200)).toFixed(1);
      this.tuning.textContent = text("player.tuning", { hz });
      this.tuning.title = text("player.cents", { cents: signed(Math.round(cents)).replace(".0", "") });
    }
    for (const button of this.looks ?? []) {
      button.setAttribute("aria-pressed", String(button.dataset.look === this.board.look));
      button.disabled = this.board.spectrogramFails;
    }
    this.allowFit();
  }

  allowFit() {
    if (this.fit) this.fit.disabled = this.board.view.isFit;
  }

  /** @param {SongAnalysis | null} analysis */
  writeTempo(analysis) {
    const bpm = analysis?.tempo_bpm;
    this.tempo.hidden = bpm == null;
    if (this.octaves) this.octaves.hidden = bpm == null;
    if (!analysis || bpm == null) return;
    const name = text("player.tempo", { bpm: bpm.toFixed(1) });
    const isSure = analysis.tempo_confidence >= SURE_TEMPO;
    this.tempo.textContent = isSure ? name : text("player.probably", { fact: name });
    this.tempo.dataset.bpm = bpm.toFixed(2);
    this.tempo.title = text("player.tempo_confidence", { share: Math.round(100 * analysis.tempo_confidence) });
  }
}
