// The live view of a training: state, progress, early stopping, numbers and curves, from what ui/train_view.py sends.
(() => {
  "use strict";
  const Sori = (window.Sori = window.Sori || {});
  const { make, text, short } = Sori;

  const clock = (seconds) => {
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
    if (hours >= 48) return `${Math.round(hours / 24)} d`;
    return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min` : `${Math.round(seconds)} s`;
  };
  const percent = (share) => `${Math.round(100 * share)} %`;
  const known = (value) => typeof value === "number";
  const millions = (count) => (count >= 1e6 ? `${(count / 1e6).toFixed(1)} M` : count.toLocaleString());

  class Live {
    constructor(root) {
      this.root = root;
      this.data = null;
      this.log = false;
      this.raw = true;
    }

    // Builds once per run; afterwards only what has changed is written.
    show(data) {
      this.data = data;
      if (!data) return this.empty();
      if (!this.built) this.build();
      this.state();
      this.early();
      this.tiles();
      this.curves();
    }

    empty() {
      this.close();
      this.root.replaceChildren(make("div", { class: "card empty-card" }, Sori.trainingIcon(), make("p", { text: text("live.none") })));
    }

    build() {
      this.head = make("section", { class: "card run-card" });
      this.gauge = make("section", { class: "card gauge-card" });
      this.numbers = make("dl", { class: "tiles" });
      this.logSwitch = this.toggle("live.log", this.log, (on) => { this.log = on; this.curves(); });
      this.rawSwitch = this.toggle("live.raw", this.raw, (on) => { this.raw = on; this.curves(); });
      this.charts = {
        loss: new Sori.Chart({ title: "live.loss", height: 250, controls: [this.rawSwitch, this.logSwitch] }),
        sdr: new Sori.Chart({ title: "live.sdr", height: 190 }),
        rate: new Sori.Chart({ title: "live.learning_rate", height: 190 }),
      };
      const pair = make("div", { class: "chart-pair" }, this.charts.sdr.node, this.charts.rate.node);
      this.root.replaceChildren(this.head, this.gauge, this.numbers, this.charts.loss.node, pair);
      this.built = true;
    }

    toggle(key, on, change) {
      const button = make("button", { type: "button", class: "chip", text: text(key), "aria-pressed": String(on) });
      button.addEventListener("click", () => {
        const now = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(now));
        change(now);
      });
      return button;
    }

    state() {
      const { data } = this;
      const about = data.state === "finished" ? `live.about_${data.reason}` : `live.about_${data.state}`;
      const sentence = text(about) === about ? "" : text(about);
      const { facts } = data;
      const line = known(facts.n_weights)
        ? text("live.facts", { ...facts, songs: facts.train_songs, weights: millions(facts.n_weights) }) : "";
      this.head.dataset.state = data.state;
      this.head.replaceChildren(...[
        make("header", {}, make("i", { class: "lamp", "aria-hidden": "true" }), make("h3", { text: text(`live.state_${data.state}`) }), make("span", { class: "name quiet", text: data.run })),
        data.message && make("p", { class: "failure bad", role: "alert", text: data.message }),
        sentence && make("p", { class: "quiet", text: sentence }),
        ...this.progress(),
        line && make("p", { class: "quiet facts-line", text: line }),
      ].filter(Boolean));
    }

    progress() {
      const { progress, preparing, state } = this.data;
      if (state === "preparing") return this.bar(text("live.reading"), preparing.stage || "", preparing.fraction || 0);
      if (!known(progress.epochs)) return [];
      const active = state === "running" || state === "stopping";
      const values = { ...progress, epoch: Math.min(progress.epochs, progress.epoch + (active ? 1 : 0)) };
      const aside = [
        active && known(progress.seconds_left) && text("live.left", { time: clock(progress.seconds_left) }),
        active && progress.minutes && text("live.limit", { n: progress.minutes }),
      ].filter(Boolean).join(" · ");
      return this.bar(text(active ? "live.at" : "live.done", values), aside, active ? progress.step / progress.steps : progress.epoch / progress.epochs);
    }

    bar(sentence, aside, fraction) {
      const width = Math.round(100 * Math.min(1, Math.max(0, fraction)));
      return [make("div", { class: "progress-card" },
        make("div", { class: "line" }, make("span", { text: sentence }), make("span", { class: "quiet", text: aside })),
        make("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": width, "aria-label": sentence }, make("i", { style: `width:${width}%` })))];
    }

    early() {
      const { bad_epochs: bad, patience, best_loss: loss, best_epoch: epoch } = this.data.numbers;
      const started = known(loss) && known(patience);
      const values = started ? { bad, patience, loss: short(loss), epoch } : {};
      const sentence = text(!started ? "live.early_wait" : bad ? "live.early_bad" : "live.early_best", values);
      const share = started ? Math.min(1, bad / patience) : 0;
      this.gauge.replaceChildren(
        make("div", { class: "line" }, make("b", { text: text("live.early") }), make("span", { text: sentence })),
        this.cells(bad || 0, patience || 15, share, sentence));
    }

    // One cell an epoch where they can be told apart, else one bar.
    cells(bad, patience, share, sentence) {
      const meter = make("div", { class: "gauge", role: "meter", "aria-valuemin": 0, "aria-valuemax": patience, "aria-valuenow": Math.min(bad, patience), "aria-valuetext": sentence, "aria-label": text("live.early") });
      meter.dataset.level = share < 0.5 ? "calm" : share < 0.85 ? "near" : "last";
      if (patience > 40) meter.append(make("i", { class: "whole", style: `width:${100 * share}%` }));
      else for (let n = 0; n < patience; n++) meter.append(make("i", { class: n < bad ? "cell used" : "cell" }));
      return meter;
    }

    tiles() {
      const { numbers, limits, best_sdr_db: sdr } = this.data;
      const reach = known(sdr) && known(limits.oracle_sdr_db) && limits.oracle_sdr_db > limits.floor_sdr_db
        ? (sdr - limits.floor_sdr_db) / (limits.oracle_sdr_db - limits.floor_sdr_db) : null;
      const rows = [
        ["best_sdr", known(sdr) && `${sdr.toFixed(2)} dB`, reach !== null ? text("live.reach", { share: percent(reach) }) : ""],
        ["speed", known(numbers.audio_seconds_per_second) && `${short(Number(numbers.audio_seconds_per_second.toPrecision(3)))}×`, text("live.speed_unit")],
        ["wait", known(numbers.data_wait_share) && percent(numbers.data_wait_share), text("live.wait_unit")],
        ["memory", known(numbers.memory_mb) && `${(numbers.memory_mb / 1024).toFixed(1)} GB`, text("live.memory_unit")],
        ["skipped", known(numbers.skipped_steps) && String(numbers.skipped_steps), text("live.skipped_unit")],
      ];
      this.numbers.replaceChildren(...rows.map(([key, value, about]) =>
        make("div", { class: "card tile", "data-tile": key }, make("dt", { text: text(`live.${key}`) }), make("dd", { text: value || "–" }), make("dd", { class: "about", text: value ? about : "" }))));
    }

    curves() {
      const { curves, limits } = this.data;
      const losses = [...curves.train, ...curves.valid].map((point) => point[1]);
      this.logSwitch.disabled = losses.some((loss) => loss <= 0); // a logarithm needs more than nothing
      const raw = (name) => (this.raw ? curves[name] : []);
      this.logSwitch.textContent = text("live.log");
      this.rawSwitch.textContent = text("live.raw");
      this.charts.loss.show([
        { name: "live.train", css: "of-train", points: raw("train"), faint: true },
        { name: "live.valid", css: "of-valid", points: raw("valid"), faint: true },
        { name: "live.train", css: "of-train", points: curves.train_smooth },
        { name: "live.valid", css: "of-valid", points: curves.valid_smooth },
      ], this.limits(limits.floor_loss, limits.oracle_loss), this.log && !this.logSwitch.disabled);
      this.charts.sdr.show([{ name: "live.valid", css: "of-valid", points: curves.sdr }], this.limits(limits.floor_sdr_db, limits.oracle_sdr_db));
      this.charts.rate.show([{ name: "live.learning_rate", css: "of-rate", points: curves.learning_rate }]);
    }

    limits(floor, oracle) {
      return [{ name: "live.floor", css: "of-floor", y: floor }, { name: "live.oracle", css: "of-oracle", y: oracle }];
    }

    close() {
      for (const chart of Object.values(this.charts || {})) chart.close();
      this.charts = null;
      this.built = false;
    }
  }

  Sori.trainingIcon = () => {
    const holder = make("span", { class: "empty-icon", "aria-hidden": "true" });
    holder.innerHTML = '<svg viewBox="0 0 48 32"><path d="M2 4C12 6 12 24 24 25s14 3 22 3" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round"/></svg>';
    return holder;
  };

  Sori.mountLive = (element, props, watch) => {
    const root = element.querySelector(".sori-live");
    const live = new Live(root);
    const show = () => live.show(props.value || null);
    watch("value", show);
    const stopLanguage = Sori.onLanguage(show);
    Sori.whenGone(element, () => { live.close(); stopLanguage(); });
    show();
  };
})();
