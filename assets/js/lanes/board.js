// The stage of a player: ruler, lanes, the moving line and the region that repeats, over the part of the song in view.
import { make } from "../dom.js";
import { formatTime } from "../format.js";
import { text, trackName } from "../text.js";
import { describeLoudness, Facts } from "./facts.js";
import { Lane } from "./lane.js";
import { watchPointer, watchZoom } from "./pointer.js";
import { Tiles } from "./tiles.js";
import { drawRuler } from "./time_marks.js";
import { TimeView } from "./view.js";

/** @typedef {import("./lane.js").Look} Look */

const ZOOM = 2; // of a key or a button

/**
 * What the stage asks of the player.
 * @typedef {object} Calls
 * @property {(at: Seconds, where?: Element) => void} seek
 * @property {(loop: Loop) => void} region
 * @property {(loop: Loop, event: MouseEvent) => Loop} fit gives the region to repeat where one was drawn
 * @property {(analysis: SongAnalysis) => void} correct
 * @property {(track: Track) => boolean} isSilent
 * @property {() => Seconds} position
 * @property {() => boolean} isPlaying
 */

export class Board {
  /** @type {Lane[]} */ tracks = [];
  /** @type {Look} */ look = "waveform";
  /** @type {SongAnalysis | null} */ analysis = null;
  /** @type {Loop | null} */ loop = null;
  /** @type {Row[]} */ rows = [];
  /** @type {{at: Seconds, name: string}[]} */ markers = [];
  view = new TimeView(1);
  tiles = new Tiles(44100, () => this.redraw());
  scale = 1;
  drawn = 0; // the frame that is to come
  wasShown = true; // whether the line was in view
  spectrogramFails = false;

  /** @param {Calls} calls @param {boolean} zoomable */
  constructor(calls, zoomable) {
    this.calls = calls;
    this.zoomable = zoomable;
    this.seeker = make("input", {
      class: "seeker",
      type: "range",
      min: 0,
      step: 0.01,
      oninput: () => calls.seek(Number(this.seeker.value)),
    });
    this.scroller = make("input", {
      class: "scroller",
      type: "range",
      min: 0,
      oninput: () => this.view.show(Number(this.scroller.value), this.view.span),
    });
    this.ruler = make("canvas", { class: "ruler", "aria-hidden": "true" });
    this.lanes = make("div", { class: "lanes" });
    this.region = make("div", { class: "region", hidden: true });
    this.line = make("div", { class: "playhead" });
    this.marks = make("div", { class: "marks", "aria-hidden": "true" });
    this.stage = make("div", { class: "stage" }, this.seeker, this.ruler, this.lanes, zoomable && this.scroller);
    this.facts = zoomable ? new Facts(this, calls) : null;
    this.resize = new ResizeObserver(() => this.redraw());
    this.resize.observe(this.lanes);
  }

  /** @param {Track[]} tracks @param {Seconds} duration @param {number} rate in Hz @param {(track: Track, index: number) => string} colourOf */
  open(tracks, duration, rate, colourOf) {
    this.tracks = tracks.map((track, index) => new Lane(track, index, colourOf(track, index)));
    this.view = new TimeView(duration, () => this.changeView());
    this.tiles = new Tiles(rate, () => this.redraw());
    this.seeker.max = String(duration);
    watchPointer(this.lanes, this.view, {
      seek: this.calls.seek,
      region: (loop, event) => this.calls.region(this.calls.fit(loop, event)),
      preview: (loop, event) => this.showRegion(this.calls.fit(loop, event)),
    });
    if (this.zoomable) watchZoom(this.lanes, this.view);
    this.changeView();
  }

  /** Finds the levels that the waveforms are drawn from; all are drawn on one scale. */
  async measure() {
    for (const { peaks } of this.tracks) {
      await peaks.measure();
      this.redraw();
    }
    const loudest = Math.max(1e-4, ...this.tracks.map(({ peaks }) => peaks.highest));
    this.scale = 1 / loudest;
    this.tiles.loudest = loudest / 3; // a song's loudest spot is some 10 dB below a sine of its peak
  }

  /** What stands above the stage. @returns {HTMLElement[]} */
  tools() {
    return this.facts ? [this.facts.build()] : [];
  }

  /** @param {Row[]} rows */
  setRows(rows) {
    this.rows = rows;
    this.lanes.replaceChildren(...rows.map((row) => row.lane), this.region, this.marks, this.line);
    this.seeker.setAttribute("aria-label", text("player.seek"));
    this.scroller.setAttribute("aria-label", text("player.scroll"));
    this.describe();
  }

  /** Names each lane by what it shows. */
  describe() {
    this.tracks.forEach(({ track }, n) => {
      const label = text(`player.${this.look}`, { name: trackName(track) });
      this.rows[n]?.lane.setAttribute("aria-label", label);
    });
    this.stage.dataset.look = this.look;
  }

  /** Shows waveforms or spectrograms; waveforms where the browser can start no Worker. @param {Look} look */
  async setLook(look) {
    this.look = look;
    this.describe();
    this.redraw();
    if (look === "waveform") return;
    try {
      await this.tiles.open();
    } catch {
      this.spectrogramFails = true;
      this.look = "waveform";
      this.describe();
    }
    this.redraw();
  }

  /** @param {SongAnalysis | null} analysis */
  setAnalysis(analysis) {
    this.analysis = analysis;
    this.facts?.update();
    if (this.facts) this.tracks.forEach(({ track }, n) => showLoudness(this.rows[n].head, analysis, track.kind));
    this.redraw();
  }

  changeView() {
    const { view, scroller } = this;
    this.tiles.forgetWanted();
    scroller.max = String(view.duration - view.span);
    scroller.step = String(view.span / 20);
    scroller.value = String(view.start);
    scroller.setAttribute("aria-valuetext", `${formatTime(view.start)} – ${formatTime(view.end)}`);
    scroller.style.setProperty("--thumb", `${Math.max(4, (100 * view.span) / view.duration)}%`);
    scroller.classList.toggle("idle", view.isFit);
    scroller.disabled = view.isFit;
    this.stage.dataset.start = view.start.toFixed(3);
    this.stage.dataset.end = view.end.toFixed(3);
    this.wasShown = view.shows(this.calls.position());
    this.showRegion(this.loop);
    this.placeLine(this.calls.position());
    this.placeMarkers();
    this.facts?.allowFit();
    this.redraw();
  }

  /** Draws once in the next frame, however often it is called. */
  redraw() {
    this.stage.dataset.busy = "true";
    this.drawn ||= requestAnimationFrame(() => {
      this.drawn = 0;
      this.draw();
    });
  }

  draw() {
    const { view, look, tiles, scale, analysis } = this;
    drawRuler(this.ruler, view);
    for (const lane of this.tracks) lane.draw({ view, look, tiles, scale, analysis }, this.calls.isSilent(lane.track));
    tiles.ask();
    this.stage.dataset.busy = String(look === "spectrogram" && tiles.busy);
  }

  /** Zooms by the keys: around the line where it is in view. @param {number} factor */
  zoom(factor) {
    const { view } = this;
    const at = this.calls.position();
    view.zoom(factor, view.shows(at) ? at : view.start + view.span / 2);
  }

  /** @returns {import("../player/player.js").Actions} */
  actions() {
    if (!this.zoomable) return {};
    const { view } = this;
    /** @type {import("../player/player.js").Actions} */
    const moves = view.isFit
      ? {}
      : { pageup: () => view.scroll(-0.8 * view.span), pagedown: () => view.scroll(0.8 * view.span) };
    return {
      "+": () => this.zoom(ZOOM),
      "=": () => this.zoom(ZOOM),
      "-": () => this.zoom(1 / ZOOM),
      f: () => view.fit(),
      v: () => this.setLook(this.look === "waveform" ? "spectrogram" : "waveform"),
      ...moves,
    };
  }

  /** Moves the line; a zoomed view follows it where it was in view. @param {Seconds} at */
  moveLine(at) {
    const { view } = this;
    if (this.wasShown && !view.shows(at)) view.show(at - 0.1 * view.span, view.span);
    this.wasShown = view.shows(at);
    this.placeLine(at);
    this.seeker.value = String(at);
    this.seeker.setAttribute("aria-valuetext", formatTime(at));
  }

  /** @param {Seconds} at */
  placeLine(at) {
    this.line.hidden = !this.view.shows(at);
    this.line.style.left = `${100 * this.view.shareOf(at)}%`;
  }

  /** Named places, each a line over all lanes. @param {{at: Seconds, name: string}[]} markers */
  setMarkers(markers) {
    this.markers = markers;
    this.placeMarkers();
  }

  placeMarkers() {
    const shown = this.markers.filter(({ at }) => this.view.shows(at));
    this.marks.replaceChildren(
      ...shown.map(({ at, name }) => make("i", { style: `left: ${100 * this.view.shareOf(at)}%`, text: name })),
    );
  }

  /** @param {Loop | null} loop */
  setLoop(loop) {
    this.loop = loop;
    this.showRegion(loop);
  }

  /** @param {Loop | null} loop */
  showRegion(loop) {
    const { view } = this;
    this.region.hidden = !loop || loop.end < view.start || loop.start > view.end;
    if (!loop) return;
    const [from, to] = [loop.start, loop.end].map((time) => Math.min(1, Math.max(0, view.shareOf(time))));
    this.region.style.left = `${100 * from}%`;
    this.region.style.width = `${100 * (to - from)}%`;
  }

  close() {
    this.resize.disconnect();
    cancelAnimationFrame(this.drawn);
    this.drawn = -1; // nothing is drawn any more
    this.tiles.close();
  }
}

/** Writes a track's level beside its name. @param {HTMLElement} head @param {SongAnalysis | null} analysis @param {Kind} kind */
function showLoudness(head, analysis, kind) {
  const title = /** @type {HTMLElement} */ (head.querySelector(".title"));
  const { short, long } = describeLoudness(analysis, kind);
  const shown = title.querySelector(".loudness") ?? title.appendChild(make("small", { class: "loudness" }));
  shown.textContent = short;
  shown.setAttribute("title", long);
}
