// Transport, waveforms and the moving line: what the mixer and the comparison have in common. The sound is engine.js.
import { icon, make } from "../dom.js";
import { formatTime } from "../format.js";
import { onLanguage, text, trackName } from "../text.js";
import { Engine } from "./engine.js";
import { claimSound, releaseSound } from "./now_playing.js";
import { colourOf } from "./tracks.js";
import { Waveform, watchPointer } from "./waveform.js";

/** @typedef {Record<string, (event: KeyboardEvent) => void>} Actions by key, in lower case */

export class Player {
  engine = new Engine();
  /** @type {Waveform[]} */ waves = [];
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
    this.seeker = make("input", {
      class: "seeker",
      type: "range",
      min: 0,
      step: 0.01,
      oninput: () => this.seek(Number(this.seeker.value)),
    });
    this.lanes = make("div", { class: "lanes" });
    this.region = make("div", { class: "region", hidden: true });
    this.line = make("div", { class: "playhead" });
    watchPointer(this.lanes, this.engine, {
      seek: (at, where) => this.seek(at, where),
      region: (loop, event) => {
        this.engine.setLoop(this.fitLoop(loop, event));
        this.refresh();
      },
      preview: (loop, event) => this.showRegion(this.fitLoop(loop, event)),
    });
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
    this.waves = this.engine.tracks.map((track, i) => new Waveform(this.engine, track, colourOf(track, i)));
    this.ready = true;
    this.build();
    for (const wave of this.waves) await wave.measure();
    const loudest = Math.max(1e-4, ...this.waves.map((wave) => wave.peaks?.reduce((a, b) => Math.max(a, b), 0) ?? 0));
    for (const wave of this.waves) wave.scale = 1 / loudest;
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
    this.seeker.max = String(engine.duration);
    this.seeker.setAttribute("aria-label", text("player.seek"));
    this.rows = [...engine.tracks.map((track, index) => this.row(track, index)), ...this.extraRows()];
    const heads = make("div", { class: "heads" }, ...this.rows.map((row) => row.head));
    this.lanes.replaceChildren(...this.rows.map((row) => row.lane), this.region, this.line);
    const notes = [make("p", { class: "player-note keys", text: text(this.keysText) })];
    if (engine.folded) notes.unshift(make("p", { class: "player-note", text: text("player.folded") }));
    this.root.replaceChildren(
      transport,
      make("div", { class: "board" }, heads, make("div", { class: "stage" }, this.seeker, this.lanes)),
      ...this.extras(),
      ...notes,
    );
    this.root.setAttribute("aria-label", text(this.labelText));
    this.refresh();
  }

  /** What is found out about the song while it plays. @param {SongAnalysis | null} analysis */
  takeAnalysis(analysis) {
    this.data.analysis = analysis;
    if (this.ready) this.build();
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
    const input = make("input", {
      type: "range",
      class: "gain",
      min: -60,
      max: 12,
      step: 0.5,
      value: db,
      "aria-label": text(label, values),
    });
    const describe = () => input.setAttribute("aria-valuetext", `${input.value} dB`);
    input.addEventListener("input", () => {
      change(Number(input.value));
      describe();
      this.engine.apply();
      this.refresh();
    });
    input.addEventListener("dblclick", () => {
      input.value = "0";
      input.dispatchEvent(new Event("input"));
    });
    describe();
    return input;
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
    this.line.style.left = `${(100 * at) / engine.duration}%`;
    this.clock.textContent = `${formatTime(at)} / ${formatTime(engine.duration)}`;
    this.seeker.value = String(at);
    this.seeker.setAttribute("aria-valuetext", formatTime(at));
    const level = engine.peakDb();
    this.meter.style.width = `${Math.max(0, Math.min(100, (level + 60) / 0.6))}%`;
    this.meter.classList.toggle("clipping", level > 0);
    this.root.dataset.position = at.toFixed(3);
    this.root.dataset.peakDb = Number.isFinite(level) ? level.toFixed(1) : "-inf";
  }

  /** @param {Loop | null} loop */
  showRegion(loop) {
    this.region.hidden = !loop;
    if (!loop) return;
    this.region.style.left = `${(100 * loop.start) / this.engine.duration}%`;
    this.region.style.width = `${(100 * (loop.end - loop.start)) / this.engine.duration}%`;
  }

  refresh() {
    if (!this.ready) return;
    const { engine } = this;
    this.playButton.replaceChildren(icon(engine.playing ? "pause" : "play"));
    this.playButton.setAttribute("aria-label", text(engine.playing ? "player.pause" : "player.play"));
    this.loopButton.setAttribute("aria-pressed", String(engine.loop !== null));
    this.showRegion(engine.loop);
    this.rows.forEach((row, index) => {
      row.head.classList.toggle("chosen", index === this.chosen);
      row.update();
    });
    this.waves.forEach((wave) => wave.draw(this.isSilent(wave.track)));
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
    if (event.key === " " && target.matches("button, a, select") && target !== this.playButton) return;
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
    this.waves.forEach((wave) => wave.close());
    this.engine.close();
    delete this.root.dataset.ready;
    releaseSound(this);
  }
}
