// The comparison: reference, estimates and their errors at one position, SDR second by second, and where it is lost.
import { fitCanvas, fromBase64, make, paintOn, styleOf } from "../dom.js";
import { formatSigned, formatTime } from "../format.js";
import { text, trackName } from "../text.js";
import { BlindTest, canTest } from "./abx.js";
import { Player } from "./player.js";
import { colourOf } from "./tracks.js";

const LOWEST_DB = -5,
  HIGHEST_DB = 15; // range of the SDR bars
/** @type {[lowest: Decibels, property: string][]} as in separator/grades.py */
const GRADES = [
  [7, "--grade-excellent"],
  [5, "--grade-good"],
  [3, "--grade-fair"],
  [0, "--grade-poor"],
  [-Infinity, "--grade-failed"],
];

/** The custom property of an SDR's colour. @param {Decibels} db */
export const gradeOf = (db) => (GRADES.find(([lowest]) => db >= lowest) ?? GRADES[GRADES.length - 1])[1];

export class Comparison extends Player {
  keysText = "compare.keys";
  labelText = "compare.label";
  blind = false; // a blind test runs: nothing may show which track sounds
  /** @type {BlindTest | null} */ abx = null;
  matchButton = make("button", {
    type: "button",
    class: "chip",
    onclick: () => {
      this.engine.matched = !this.engine.matched;
      this.engine.apply();
      this.refresh();
    },
  });

  controls() {
    if (!this.blind) this.engine.view = this.chosen;
    this.matchButton.title = text("compare.match_hint");
    this.matchButton.textContent = text("compare.match");
    return [this.matchButton];
  }

  /** @param {Track} track @param {number} index @returns {Row} */
  row(track, index) {
    const name = trackName(track);
    const remark = track.gain_db ? text("compare.matched_by", { db: formatSigned(track.gain_db) }) : "";
    const head = make(
      "button",
      {
        type: "button",
        class: "head pick",
        "aria-label": text("compare.hear", { name }),
        onclick: () => {
          this.choose(index);
          this.refresh();
        },
      },
      make(
        "span",
        { class: "title", title: name },
        make("i", { class: "dot", style: `background: var(${colourOf(track, index)})` }),
        make("b", { class: "number", text: index + this.firstNumber, "aria-hidden": "true" }),
        make("span", { text: name }),
      ),
      remark && make("small", { class: "remark", text: remark }),
    );
    const lane = make(
      "div",
      { class: "lane", role: "img", "aria-label": text("player.waveform", { name }) },
      this.board.tracks[index].canvas,
    );
    return {
      head,
      lane,
      update: () => head.setAttribute("aria-pressed", String(!this.blind && index === this.chosen)),
    };
  }

  get firstNumber() {
    return 1;
  }

  extraRows() {
    const strips = Object.entries(this.data.sdr || {}).map(([kind, values]) => this.stripRow(kind, values));
    const maps = Object.entries(this.data.maps || {}).map(([kind, map]) => this.mapRow(kind, map));
    return [...strips, ...maps];
  }

  /** @param {string} title @param {string} remark */
  laneHead(title, remark) {
    return make(
      "div",
      { class: "head plain" },
      make("span", { class: "title" }, make("span", { text: title })),
      make("small", { class: "remark", text: remark }),
    );
  }

  // One bar a second. Clicks reach the lanes' own pointer handling, which which comes to seek.
  /** @param {Kind} kind @param {(Decibels | null)[]} values @returns {Row} */
  stripRow(kind, values) {
    const name = trackName({ kind });
    const canvas = make("canvas", { class: "wave", "aria-hidden": "true" });
    const lane = make(
      "div",
      {
        class: "lane strip",
        role: "slider",
        tabindex: 0,
        "data-strip": kind,
        "aria-label": text("compare.strip", { name }),
        "aria-valuemin": 0,
        "aria-valuemax": values.length - 1,
      },
      canvas,
    );
    const describe = () => {
      const second = Math.min(values.length - 1, Math.floor(this.engine.position));
      lane.setAttribute("aria-valuenow", String(second));
      lane.setAttribute("aria-valuetext", this.secondText(name, second, values[second]));
    };
    lane.addEventListener("pointermove", (event) => {
      lane.title = this.secondText(name, this.secondAt(event), values[this.secondAt(event)]);
    });
    lane.addEventListener("keydown", (event) => this.stripKey(event, values.length));
    return {
      head: this.laneHead(text("compare.strip", { name }), text("compare.strip_hint")),
      lane,
      update: () => {
        drawStrip(canvas, values, this.engine.duration);
        describe();
      },
    };
  }

  /** @param {PointerEvent} event */
  secondAt(event) {
    const box = this.board.lanes.getBoundingClientRect();
    return Math.floor(((event.clientX - box.left) / box.width) * this.engine.duration);
  }

  /** @param {string} name @param {number} second @param {Decibels | null} db */
  secondText(name, second, db) {
    const score = db == null ? text("compare.silent") : `${formatSigned(db)} dB`;
    return `${formatTime(second).slice(0, -2)} · ${name} · ${score}`;
  }

  /** @param {KeyboardEvent} event @param {number} count of seconds */
  stripKey(event, count) {
    const move = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (!move && event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    const second = Math.min(count - 1, Math.max(0, Math.floor(this.engine.position) + move));
    if (move) this.engine.seek(second);
    else this.playSecond(second);
    this.refresh();
  }

  // Repeats one second of whatever is chosen, so that 1-9 switch between reference, A, B and the errors.
  /** @param {number} second */
  async playSecond(second) {
    this.engine.setLoop({ start: second, end: Math.min(second + 1, this.engine.duration) });
    this.engine.seek(second);
    if (!this.engine.playing) await this.toggle();
    this.refresh();
  }

  /** @param {Seconds} seconds @param {Element} [where] */
  seek(seconds, where) {
    if (where?.closest(".strip, .map")) this.playSecond(Math.floor(seconds));
    else super.seek(seconds);
  }

  /** @param {Kind} kind @param {ErrorMap} map @returns {Row} */
  mapRow(kind, map) {
    const name = trackName({ kind });
    const canvas = make("canvas", { class: "wave map-image", "aria-hidden": "true" });
    const lane = make("div", { class: "lane map", role: "img", "aria-label": text("compare.map", { name }) }, canvas);
    drawMap(canvas, map);
    const head = this.laneHead(text("compare.map", { name }), "");
    head.append(
      make(
        "small",
        { class: "remark legend" },
        make("i", { class: "dot missed" }),
        make("span", { text: text("compare.missed") }),
        make("i", { class: "dot leaked" }),
        make("span", { text: text("compare.leaked") }),
      ),
    );
    return { head, lane, update: () => {} };
  }

  extras() {
    if (canTest(this.engine.tracks)) this.abx ??= new BlindTest(this);
    return this.abx ? [this.abx.panel()] : [];
  }

  /** @param {number} index */
  choose(index) {
    if (this.blind) return; // which track sounds is the blind test's secret
    super.choose(index);
    this.engine.view = index;
    this.engine.apply();
  }

  /** @param {Track} track */
  isSilent(track) {
    return this.blind ? false : super.isSilent(track);
  }

  actions() {
    /** @param {number} step */
    const next = (step) => () =>
      this.choose((this.chosen + step + this.engine.tracks.length) % this.engine.tracks.length);
    return { ...super.actions(), arrowup: next(-1), arrowdown: next(1) };
  }

  refresh() {
    super.refresh();
    this.matchButton.setAttribute("aria-pressed", String(this.engine.matched));
    this.root.classList.toggle("blind", this.blind);
    if (this.blind) for (const row of this.rows) row.head.classList.remove("chosen");
  }
}

/** @param {HTMLCanvasElement} canvas @param {(Decibels | null)[]} values @param {Seconds} duration */
function drawStrip(canvas, values, duration) {
  const { width, height, ratio } = fitCanvas(canvas);
  const paint = paintOn(canvas);
  const step = width / duration;
  /** @param {Decibels} db */
  const y = (db) =>
    height * (1 - (Math.max(LOWEST_DB, Math.min(HIGHEST_DB, db)) - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB));
  values.forEach((db, second) => {
    if (db == null) return;
    paint.fillStyle = styleOf(gradeOf(db));
    const top = Math.min(y(db), height - 3 * ratio);
    paint.fillRect(second * step, top, Math.max(1, step - ratio), height - top);
  });
  paint.fillStyle = styleOf("--body-text-color");
  paint.globalAlpha = 0.35;
  for (const db of [0, 5, 10]) paint.fillRect(0, y(db), width, 1);
  paint.globalAlpha = 0.75;
  paint.font = `${10 * ratio}px sans-serif`;
  for (const db of [0, 10]) paint.fillText(`${db} dB`, 4 * ratio, y(db) - 2 * ratio);
}

// `map` has two pictures of rows × columns bytes, low frequencies last: target energy missed, and energy let in.
/** @param {HTMLCanvasElement} canvas @param {ErrorMap} map */
function drawMap(canvas, map) {
  const [missed, leaked] = [fromBase64(map.missed), fromBase64(map.leaked)];
  canvas.width = map.columns;
  canvas.height = map.rows;
  const paint = paintOn(canvas);
  const image = paint.createImageData(map.columns, map.rows);
  for (let n = 0; n < missed.length; n++) {
    const [blue, red] = [missed[n] / 255, leaked[n] / 255];
    image.data.set(
      [40 + 200 * red, 44 + 80 * Math.max(blue, red * 0.6), 60 + 195 * blue * (1 - 0.5 * red), 255],
      4 * n,
    );
  }
  paint.putImageData(image, 0, 0);
}
