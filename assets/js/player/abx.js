// A blind ABX test on the comparison's tracks: is X the same as A or as B, and how likely are the answers by chance?
import { make } from "../dom.js";
import { text, trackName } from "../text.js";

const TRIALS = [8, 12, 16];

// Chance of `correct` or more right answers out of `trials` when only guessing (one-sided binomial test, p = 1/2).
/** @param {number} correct @param {number} trials */
export const chanceOf = (correct, trials) => {
  let ways = 1,
    sum = 0;
  for (let k = 0; k <= trials; k++) {
    if (k >= correct) sum += ways;
    ways = (ways * (trials - k)) / (k + 1);
  }
  return sum / 2 ** trials;
};

// A against B where there are two estimates, else the reference against A.
/**
 * @param {{kind: Kind}[]} tracks
 * @returns {[first: number, second: number]} indices, -1 where there is no such track
 */
export const pairOf = (tracks) => {
  /** @param {Kind} kind */
  const find = (kind) => tracks.findIndex((track) => track.kind === kind);
  return find("b") >= 0 ? [find("a"), find("b")] : [find("reference"), find("a")];
};
/** @param {{kind: Kind}[]} tracks */
export const canTest = (tracks) => pairOf(tracks).every((index) => index >= 0);

const tossCoin = () => crypto.getRandomValues(new Uint8Array(1))[0] & 1;

export class BlindTest {
  total = 12;
  /** @type {boolean[] | null} whether each answer was right */ answers = null;
  selected = 0; // A, B or X: 0, 1 or 2
  secret = 0; // what X is
  result = { correct: 0, trials: 0, p_value: 1 };
  box = make("section", { class: "abx" });

  /** @param {import("./compare.js").Comparison} comparison */
  constructor(comparison) {
    this.comparison = comparison;
    this.pair = pairOf(comparison.engine.tracks);
  }

  panel() {
    this.box.setAttribute("aria-label", text("abx.title"));
    this.draw();
    return this.box;
  }

  draw() {
    const names = this.pair.map((index) => trackName(this.comparison.engine.tracks[index]));
    const heading = make("h4", { text: text("abx.title") });
    const explain = make("p", { class: "player-note", text: text("abx.explain", { a: names[0], b: names[1] }) });
    if (!this.answers) this.box.replaceChildren(heading, explain, this.startRow());
    else if (this.answers.length < this.total)
      this.box.replaceChildren(heading, explain, this.trialRow(this.answers.length + 1));
    else this.box.replaceChildren(heading, this.verdict(), this.startRow());
  }

  startRow() {
    const count = make(
      "select",
      {
        "aria-label": text("abx.trials"),
        onchange: () => {
          this.total = Number(count.value);
        },
      },
      ...TRIALS.map((n) =>
        make("option", { value: n, selected: n === this.total, text: `${n} × ${text("abx.trials")}` }),
      ),
    );
    return make(
      "div",
      { class: "abx-row" },
      make("button", { type: "button", class: "chip abx-start", text: text("abx.start"), onclick: () => this.start() }),
      count,
    );
  }

  /** @param {number} n of the trial */
  trialRow(n) {
    /** @param {number} slot @param {string} label */
    const playButton = (slot, label) =>
      make("button", {
        type: "button",
        class: "chip",
        "data-hear": label,
        "aria-pressed": String(this.selected === slot),
        text: text("abx.hear", { name: label }),
        onclick: () => this.play(slot),
      });
    /** @param {number} slot @param {string} label */
    const answer = (slot, label) =>
      make("button", {
        type: "button",
        class: "chip answer",
        "data-answer": label,
        text: text("abx.answer", { name: label }),
        onclick: () => this.answer(slot),
      });
    return make(
      "div",
      { class: "abx-row" },
      make("span", { class: "abx-count", role: "status", text: text("abx.count", { n, total: this.total }) }),
      make("div", { class: "chips" }, playButton(0, "A"), playButton(1, "B"), playButton(2, "X")),
      answer(0, "A"),
      answer(1, "B"),
      make("button", { type: "button", class: "chip", text: text("abx.stop"), onclick: () => this.stop() }),
    );
  }

  async start() {
    this.answers = [];
    this.comparison.blind = true;
    this.next();
    if (!this.comparison.engine.playing) await this.comparison.toggle();
  }

  next() {
    this.secret = tossCoin();
    this.play(2);
  }

  /** @param {number} slot */
  play(slot) {
    const { engine } = this.comparison;
    this.selected = slot;
    engine.view = this.pair[slot === 2 ? this.secret : slot];
    engine.apply();
    this.draw();
    this.comparison.refresh();
  }

  /** @param {number} slot */
  answer(slot) {
    if (!this.answers) return;
    this.answers.push(slot === this.secret);
    if (this.answers.length < this.total) this.next();
    else this.finish(this.answers.filter(Boolean).length);
  }

  /** @param {number} correct */
  finish(correct) {
    this.result = { correct, trials: this.total, p_value: chanceOf(correct, this.total) };
    this.comparison.trigger("submit", this.result);
    this.reveal();
  }

  stop() {
    this.answers = null;
    this.reveal();
  }

  reveal() {
    this.comparison.blind = false;
    this.comparison.engine.pause();
    this.comparison.choose(this.pair[0]);
    this.draw();
    this.comparison.refresh();
  }

  verdict() {
    const { correct, trials, p_value: chance } = this.result;
    const key = chance < 0.05 ? "abx.heard" : "abx.guess";
    return make("p", {
      class: "abx-verdict",
      role: "status",
      text: `${text("abx.result", { correct, trials, p: chance.toFixed(3) })} ${text(key)}`,
    });
  }
}
