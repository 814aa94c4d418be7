// Transport and rows: what the mixer and the comparison have in common. The sound is engine.js; lanes/ draws.
import { icon, make } from "../dom.js";
import { formatTime } from "../format.js";
import { Board } from "../lanes/board.js";
import { makeRange } from "../practice/range.js";
import { onLanguage, text, trackName } from "../text.js";
import { Engine } from "./engine.js";
import { claimSound, releaseSound } from "./now_playing.js";
import { colourOf } from "./tracks.js";

/** @typedef {Record<string, (event: KeyboardEvent) => void>} Actions by key, in lower case */

export class Player {
  engine = new Engine();
  /** @type {Row[]} */ rows = [];
  ready = false;
  closed = false;
  keysText = "player.keys";
  labelText = "player.label";

  /** @param {HTMLElement} root @param {PlayerData} data @param {Hooks<PlayerData>["trigger"]} trigger */
  constructor(root, data, trigger) {
    this.root = root;
    this.data = data;
    this.trigger = trigger;
    this.chosen = data.tracks.length > 1 ? 1 : 0;
    /** @param {KeyboardEvent} event */
    this.onKey = (event) => this.key(event);
    root.addEventListener("keydown", this.onKey);
    this.stopLanguage = onLanguage(() => {
      if (this.ready) this.build();
    });
    this.playButton = make("button", { class: "play", type: "button", onclick: () => this.toggle() });
    this.clock = make("output", { class: "clock" });
    this.loopButton = make("button", { type: "button", class: "chip", onclick: () => this.toggleLoop() });
    this.meter = make("i", { class: "level" });
    this.board = new Board(
      {
        seek: (at, where) => this.seek(at, where),
        region: (loop) => {
          this.engine.setLoop(loop);
          this.refresh();
        },
        fit: (loop, event) => this.fitLoop(loop, event),
        correct: (analysis) => this.takeAnalysis(analysis),
        isSilent: (track) => this.isSilent(track),
        position: () => this.engine.position,
        isPlaying: () => this.engine.playing,
      },
      data.mode === "mixer",
    );
  }

  async open() {
    const note = make("p", { class: "player-note", role: "status" });
    this.root.replaceChildren(note);
    /** @param {SentTrack} track @param {number} n @param {number} total */
    const announce = (track, n, total) => {
      note.textContent = text("player.loading", { name: trackName(track), n, total });
    };
    try {
      await this.engine.load(this.data.tracks, this.data.sample_rate, announce);
    } catch (failure) {
      if (this.closed) return;
      const error = /** @type {Error & {track?: SentTrack}} */ (failure);
      note.textContent = text("player.failed", {
        name: error.track ? trackName(error.track) : "",
        reason: error.message,
      });
      note.classList.add("bad");
      return;
    }
    const { tracks, duration, sampleRate } = this.engine;
    this.board.open(tracks, duration, sampleRate, colourOf);
    this.ready = true;
    this.build();
    await this.board.measure();
    if (this.closed) return;
    this.refresh();
    this.root.dataset.ready = "true";
  }

  build() {
    const { engine } = this;
    this.loopButton.title = text("player.loop_hint");
    this.loopButton.replaceChildren(icon("loop"), make("span", { text: text("player.loop") }));
    const masterSlider = this.slider("player.master", engine.masterDb, (db) => {
      engine.masterDb = db;
    });
    const master = make(
      "label",
      { class: "master" },
      make("span", { class: "meter", "aria-hidden": "true" }, this.meter),
      masterSlider,
    );
    const transport = make(
      "div",
      { class: "transport" },
      this.playButton,
      this.clock,
      this.loopButton,
      ...this.controls(),
      master,
    );
    this.rows = [...engine.tracks.map((track, index) => this.row(track, index)), ...this.extraRows()];
    const heads = make("div", { class: "heads" }, ...this.rows.map((row) => row.head));
    this.board.setRows(this.rows);
    const notes = [make("p", { class: "player-note keys", text: text(this.keysText) })];
    if (engine.folded) notes.unshift(make("p", { class: "player-note", text: text("player.folded") }));
    this.root.replaceChildren(
      transport,
      ...this.board.tools(),
      make("div", { class: "board" }, heads, this.board.stage),
      ...this.extras(),
      ...notes,
    );
    this.root.setAttribute("aria-label", text(this.labelText));
    this.refresh();
  }

  /** What is found out or corrected while the song plays. @param {SongAnalysis | null} analysis */
  takeAnalysis(analysis) {
    this.data.analysis = analysis;
    this.refresh();
  }

  /** Further controls of the transport. @returns {HTMLElement[]} */
  controls() {
    return [];
  }
  /** What a track shows. @param {Track} _track @param {number} _index @returns {Row} */
  row(_track, _index) {
    throw new Error("a player needs rows");
  }
  /** Further lanes on the same time axis. @returns {Row[]} */
  extraRows() {
    return [];
  }
  /** What stands below the lanes. @returns {HTMLElement[]} */
  extras() {
    return [];
  }

  /**
   * @param {string} label a text's key @param {Decibels} db @param {(db: Decibels) => void} change
   * @param {Record<string, string>} values
   */
  slider(label, db, change, values = {}) {
    return makeRange({
      label: text(label, values),
      class: "gain",
      min: -60,
      max: 12,
      step: 0.5,
      value: db,
      describe: (shown) => `${shown} dB`,
      change: (chosen) => {
        change(chosen);
        this.engine.apply();
        this.refresh();
      },
    });
  }

  async toggle() {
    if (this.engine.playing) this.engine.pause();
    else {
      claimSound(this);
      await this.engine.play();
      this.tick();
    }
    this.refresh();
  }

  pause() {
    if (this.closed) return;
    this.engine.pause();
    this.refresh();
  }

  /** @param {Seconds} seconds @param {Element} [_where] the element under the pointer */
  seek(seconds, _where) {
    this.engine.seek(seconds);
    this.moveLine();
  }

  /** The region that is repeated where `loop` was drawn. @param {Loop} loop @param {MouseEvent} _event */
  fitLoop(loop, _event) {
    return loop;
  }

  toggleLoop() {
    const { engine } = this;
    engine.setLoop(engine.loop ? null : { start: 0, end: engine.duration });
    this.refresh();
  }

  tick() {
    if (this.closed || !this.engine.playing) return;
    if (this.engine.ended) {
      this.engine.stop();
      this.refresh();
      return;
    }
    this.moveLine();
    requestAnimationFrame(() => this.tick());
  }

  moveLine() {
    const { engine } = this;
    const at = engine.position;
    this.clock.textContent = `${formatTime(at)} / ${formatTime(engine.duration)}`;
    this.board.moveLine(at);
    const level = engine.peakDb();
    this.meter.style.width = `${Math.max(0, Math.min(100, (level + 60) / 0.6))}%`;
    this.meter.classList.toggle("clipping", level > 0);
    this.root.dataset.position = at.toFixed(3);
    this.root.dataset.peakDb = Number.isFinite(level) ? level.toFixed(1) : "-inf";
  }

  refresh() {
    if (!this.ready) return;
    const { engine } = this;
    this.playButton.replaceChildren(icon(engine.playing ? "pause" : "play"));
    this.playButton.setAttribute("aria-label", text(engine.playing ? "player.pause" : "player.play"));
    this.loopButton.setAttribute("aria-pressed", String(engine.loop !== null));
    this.board.setLoop(engine.loop);
    this.rows.forEach((row, index) => {
      row.head.classList.toggle("chosen", index === this.chosen);
      row.update();
    });
    this.board.setAnalysis(this.data.analysis ?? null);
    this.moveLine();
  }

  /** @param {Track} track */
  isSilent(track) {
    return this.engine.gainOf(track) === 0;
  }

  /**
   * Keys work anywhere in the player, except where the focused control has its own use for them.
   * @param {KeyboardEvent} event
   */
  key(event) {
    if (!this.ready || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches("input[type=range], select") && event.key.startsWith("Arrow")) return;
    if (event.key === " " && target.matches("button, a, select, summary") && target !== this.playButton) return;
    const action = this.actions()[event.key.toLowerCase()] ?? this.numberAction(event.key);
    if (!action) return;
    event.preventDefault();
    action(event);
    this.refresh();
  }

  /** @returns {Actions} */
  actions() {
    /** @param {number} sign @returns {(event: KeyboardEvent) => void} */
    const step = (sign) => (event) => this.engine.seek(this.engine.position + sign * (event.shiftKey ? 1 : 5));
    return {
      " ": () => this.toggle(),
      arrowleft: step(-1),
      arrowright: step(1),
      home: () => this.engine.seek(0),
      l: () => this.toggleLoop(),
      ...this.board.actions(),
    };
  }

  /**
   * The first row's number: a mixture, always first, is 0, so that stems and tracks to compare count from 1.
   * @returns {number}
   */
  get firstNumber() {
    return this.engine.mixture ? 0 : 1;
  }

  /** @param {string} key */
  numberAction(key) {
    const index = Number(key) - this.firstNumber;
    return Number.isInteger(index) && index >= 0 && index < this.engine.tracks.length ? () => this.choose(index) : null;
  }

  /** @param {number} index */
  choose(index) {
    this.chosen = index;
  }

  close() {
    this.closed = true;
    this.root.removeEventListener("keydown", this.onKey);
    this.stopLanguage();
    this.board.close();
    this.engine.close();
    delete this.root.dataset.ready;
    releaseSound(this);
  }
}
