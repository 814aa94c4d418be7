// Live: where the sound comes from, the delay and its price, faders, and how it goes.
import { make } from "../dom.js";
import { formatPercent, formatTime } from "../format.js";
import { text, trackName } from "../text.js";
import { DELAYS, longerThan, priceOf, USUAL_DELAY } from "./delays.js";
import { LiveError, LiveSession, openSource } from "./session.js";

const MOST_LOAD = 0.9;
const MOST_GLITCHES = 3; // in a window of time
const WINDOW_SECONDS = 10;
const SETTLED_SECONDS = 4; // before which the load is not yet what it will be
const LEAST_PRICE = 0.1; // dB, below which two songs differ by more

export class LivePanel {
  /** @type {LiveSession | null} */ session = null;
  /** @type {() => string} what the status says, in any language */ sentence = () => "";
  /** @type {() => string} */ warning = () => "";
  /** @type {import("./session.js").Report[]} of the last seconds */ reports = [];
  turn = 0; // counts starts, so that one that was stopped meanwhile does not go on
  delay = USUAL_DELAY;
  balance = 1; // from -1, only the target, to 1, none of it
  /** @type {Promise<void>} */ ready = Promise.resolve(); // once what was asked of the session is done

  /**
   * @param {ModelSettings} model @param {import("../export/separation.js").Separation} separation @param {string} worklet URL
   */
  constructor(model, separation, worklet) {
    this.model = model;
    this.separation = separation;
    this.worklet = worklet;
    this.levels = model.stems.map(() => 0); // dB, with several targets
    this.element = make("section", { class: "card live", hidden: true });
    this.status = make("p", { role: "status" });
    this.alert = make("p", { class: "bad", role: "alert" });
    this.price = make("output");
    this.stopButton = make("button", { type: "button", class: "plain", onclick: () => this.stop() });
  }

  /** Writes everything anew, as in another language. */
  build() {
    const button = (/** @type {import("./session.js").Source} */ source) =>
      make("button", {
        type: "button",
        class: "plain",
        text: text(`stream.${source}`),
        onclick: () => this.start(source),
      });
    this.stopButton.textContent = text("stream.stop");
    this.element.replaceChildren(
      make("p", { text: text("stream.about") }),
      make("div", { class: "sources" }, button("microphone"), button("tab"), this.stopButton),
      this.buildDelay(),
      ...this.buildFaders(),
      this.status,
      this.alert,
      make("p", { class: "quiet", text: text("stream.headphones") }),
    );
    this.show();
  }

  buildDelay() {
    const slider = this.slider(
      { min: 0, max: DELAYS.length - 1, step: 1, value: DELAYS.indexOf(this.delay) },
      (value) => {
        this.delay = DELAYS[value];
        this.show();
      },
    );
    slider.addEventListener("change", () => this.restart());
    return make("label", { class: "slide" }, make("span", { text: text("stream.delay") }), slider, this.price);
  }

  buildFaders() {
    const names = this.model.stems.map((kind) => trackName({ kind }));
    if (this.model.targets.length > 1)
      return names.map((name, n) =>
        make(
          "label",
          { class: "slide" },
          make("span", { text: name }),
          this.slider({ min: -60, max: 6, step: 0.5, value: this.levels[n] }, (db) => (this.levels[n] = db)),
        ),
      );
    const [name] = names;
    const slider = this.slider({ min: -1, max: 1, step: 0.01, value: this.balance }, (value) => (this.balance = value));
    slider.setAttribute("aria-label", text("stream.fader", { name }));
    const ends = ["only", "without"].map((end) => make("span", { text: text(`stream.${end}`, { name }) }));
    return [make("div", { class: "slide" }, ends[0], slider, ends[1])];
  }

  /** @param {{min: number, max: number, step: number, value: number}} range @param {(value: number) => void} change */
  slider({ value, ...range }, change) {
    const input = make("input", {
      type: "range",
      ...range,
      oninput: () => {
        change(input.valueAsNumber);
        this.session?.setGains(this.gains);
      },
    });
    input.valueAsNumber = value; // only now that it has its range
    return input;
  }

  /** Of each stem in dB. */
  get gains() {
    if (this.model.targets.length > 1) return this.levels;
    const share = (/** @type {number} */ balance) => 20 * Math.log10(Math.min(1, 1 - balance));
    return [share(this.balance), share(-this.balance)];
  }

  /** @param {import("./session.js").Source} source */
  async start(source) {
    this.stop();
    const turn = this.turn;
    this.showStatus("export.loading");
    try {
      const session = new LiveSession(await openSource(source), this.separation);
      if (turn !== this.turn) return session.close();
      this.session = session;
      session.onReport = (report) => this.take(report);
      session.onEnd = (reason) => this.stop(reason ? "stream.failed" : "stream.ended", { reason });
      this.ready = session.open(this.worklet);
      await this.play();
    } catch (error) {
      if (turn === this.turn) this.fail(error);
    }
  }

  /** Lets the session begin, or begin anew, with the delay that is chosen. */
  play() {
    const { session } = this;
    this.ready = this.ready.then(() => (session === this.session ? session?.play(this.delay, this.gains) : undefined));
    return this.ready;
  }

  restart() {
    this.reports = [];
    if (this.session) this.play().catch((error) => this.fail(error));
  }

  /** @param {unknown} error */
  fail(error) {
    const reason = error instanceof Error ? error.message : String(error);
    this.stop(`stream.${error instanceof LiveError ? error.reason : "failed"}`, { reason });
  }

  /** @param {string} [key] of the sentence that gives the reason @param {Record<string, unknown>} [values] */
  stop(key, values) {
    this.turn++;
    this.session?.close();
    this.session = null;
    this.reports = [];
    this.warning = () => (key ? text(key, values) : "");
    this.sentence = () => "";
    this.show();
  }

  /** @param {string} key of the status @param {Record<string, unknown>} [values] */
  showStatus(key, values) {
    this.sentence = () => text(key, values);
    this.show();
  }

  /** @param {import("./session.js").Report} report */
  take(report) {
    if (!this.session) return;
    const { begin, seconds, load, glitches } = report;
    this.reports = [...this.reports.filter((earlier) => earlier.seconds > seconds - WINDOW_SECONDS), report];
    const isSettled = seconds > SETTLED_SECONDS + this.delay;
    const isSlow = (isSettled && load > MOST_LOAD) || glitches - this.reports[0].glitches >= MOST_GLITCHES;
    const longer = longerThan(this.delay);
    this.warning = () => (isSlow ? text(longer ? "stream.slow" : "stream.too_slow", { seconds: longer }) : "");
    Object.assign(this.element.dataset, { begin, seconds: seconds.toFixed(2), glitches, load: load.toFixed(3) });
    const values = {
      time: formatTime(seconds),
      late: this.session.latency.toFixed(1),
      glitches,
      load: formatPercent(load),
    };
    this.showStatus("stream.running", values);
  }

  show() {
    const db = priceOf(this.delay, this.model.live_delays);
    const price =
      db === null
        ? text("stream.price_unknown")
        : text(db > -LEAST_PRICE ? "stream.price_none" : "stream.price", {
            db: Math.max(0, -db).toFixed(1),
            least: LEAST_PRICE,
          });
    this.price.textContent = `${text("stream.seconds", { seconds: this.delay })}: ${price}`;
    const [status, alert] = [this.sentence(), this.warning()];
    if (this.status.textContent !== status) this.status.textContent = status;
    if (this.alert.textContent !== alert) this.alert.textContent = alert;
    this.stopButton.hidden = !this.session;
  }
}
