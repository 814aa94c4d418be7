// A blind ABX test on the comparison's tracks: is X the same as A or as B? Tells how likely the answers are by chance.
(() => {
  "use strict";
  const Sori = (window.Sori = window.Sori || {});
  const { make, text } = Sori;
  const TRIALS = [8, 12, 16];

  // Chance of `correct` or more right answers out of `trials` when only guessing (one-sided binomial test, p = 1/2).
  Sori.chanceOf = (correct, trials) => {
    let ways = 1, sum = 0;
    for (let k = 0; k <= trials; k++) {
      if (k >= correct) sum += ways;
      ways = (ways * (trials - k)) / (k + 1);
    }
    return sum / 2 ** trials;
  };

  // A against B where there are two estimates, else the reference against A.
  const pair = (tracks) => {
    const find = (kind) => tracks.findIndex((track) => track.kind === kind);
    return find("b") >= 0 ? [find("a"), find("b")] : [find("reference"), find("a")];
  };
  Sori.canTest = (tracks) => pair(tracks).every((index) => index >= 0);

  const coin = () => crypto.getRandomValues(new Uint8Array(1))[0] & 1;

  class BlindTest {
    constructor(comparison) {
      Object.assign(this, { comparison, pair: pair(comparison.engine.tracks), total: 12, answers: null, heard: 0 });
    }

    panel() {
      this.box = make("section", { class: "abx", "aria-label": text("abx.title") });
      this.draw();
      return this.box;
    }

    draw() {
      const names = this.pair.map((index) => Sori.trackName(this.comparison.engine.tracks[index]));
      const heading = make("h4", { text: text("abx.title") });
      const explain = make("p", { class: "player-note", text: text("abx.explain", { a: names[0], b: names[1] }) });
      if (!this.answers) this.box.replaceChildren(heading, explain, this.startRow());
      else if (this.answers.length < this.total) this.box.replaceChildren(heading, explain, this.trialRow());
      else this.box.replaceChildren(heading, this.verdict(), this.startRow());
    }

    startRow() {
      const count = make("select", { "aria-label": text("abx.trials"), onchange: () => { this.total = Number(count.value); } },
        ...TRIALS.map((n) => make("option", { value: n, selected: n === this.total, text: `${n} × ${text("abx.trials")}` })));
      return make("div", { class: "abx-row" }, make("button", { type: "button", class: "chip abx-start", text: text("abx.start"), onclick: () => this.start() }), count);
    }

    trialRow() {
      const hear = (slot, label) => make("button", { type: "button", class: "chip", "data-hear": label, "aria-pressed": String(this.heard === slot), text: text("abx.hear", { name: label }), onclick: () => this.hear(slot) });
      const answer = (slot, label) => make("button", { type: "button", class: "chip answer", "data-answer": label, text: text("abx.answer", { name: label }), onclick: () => this.answer(slot) });
      return make("div", { class: "abx-row" },
        make("span", { class: "abx-count", role: "status", text: text("abx.count", { n: this.answers.length + 1, total: this.total }) }),
        make("div", { class: "chips" }, hear(0, "A"), hear(1, "B"), hear(2, "X")), answer(0, "A"), answer(1, "B"),
        make("button", { type: "button", class: "chip", text: text("abx.stop"), onclick: () => this.stop() }));
    }

    async start() {
      this.answers = [];
      this.comparison.blind = true;
      this.next();
      if (!this.comparison.engine.playing) await this.comparison.toggle();
    }

    next() {
      this.secret = coin();
      this.hear(2);
    }

    hear(slot) {
      const { engine } = this.comparison;
      this.heard = slot;
      engine.view = this.pair[slot === 2 ? this.secret : slot];
      engine.apply();
      this.draw();
      this.comparison.refresh();
    }

    answer(slot) {
      this.answers.push(slot === this.secret);
      if (this.answers.length < this.total) this.next();
      else this.finish();
    }

    finish() {
      const correct = this.answers.filter(Boolean).length;
      this.result = { correct, trials: this.total, p_value: Sori.chanceOf(correct, this.total) };
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
      return make("p", { class: "abx-verdict", role: "status", text: `${text("abx.result", { correct, trials, p: chance.toFixed(3) })} ${text(key)}` });
    }
  }

  Sori.BlindTest = BlindTest;
})();
