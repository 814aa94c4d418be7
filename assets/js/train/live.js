// The live view of a training: state, progress, early stopping, numbers and curves, from what ui/train_view.py sends.
import { find, make, whenGone } from "../dom.js";
import { formatDuration, formatMillions, formatPercent, formatShort } from "../format.js";
import { onLanguage, text } from "../text.js";
import { Chart } from "./chart.js";

/** @param {unknown} value @returns {value is number} */
const isNumber = (value) => typeof value === "number";

const CURVE =
  '<svg viewBox="0 0 48 32"><path d="M2 4C12 6 12 24 24 25s14 3 22 3" fill="none" stroke="currentColor" ' +
  'stroke-width="3" stroke-linecap="round"/></svg>';

class Live {
  /** @type {RunData | null} */ data = null;
  log = false;
  raw = true;
  head = make("section", { class: "card run-card" });
  gauge = make("section", { class: "card gauge-card" });
  numbers = make("dl", { class: "tiles" });
  logSwitch = this.toggle(this.log, (on) => {
    this.log = on;
  });
  rawSwitch = this.toggle(this.raw, (on) => {
    this.raw = on;
  });
  /** @type {{loss: Chart, sdr: Chart, rate: Chart} | null} while there is a run */ charts = null;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
  }

  /** Builds once; afterwards only what has changed is written. @param {RunData | null} data */
  show(data) {
    this.data = data;
    if (!data) return this.empty();
    this.charts ??= this.build();
    this.showState(data);
    this.showPatience(data.numbers);
    this.showNumbers(data);
    this.showCurves(data);
  }

  empty() {
    this.close();
    const icon = make("span", { class: "empty-icon", "aria-hidden": "true" });
    icon.innerHTML = CURVE;
    this.root.replaceChildren(make("div", { class: "card empty-card" }, icon, make("p", { text: text("live.none") })));
  }

  build() {
    const charts = {
      loss: new Chart({ title: "live.loss", height: 250, controls: [this.rawSwitch, this.logSwitch] }),
      sdr: new Chart({ title: "live.sdr", height: 190 }),
      rate: new Chart({ title: "live.learning_rate", height: 190 }),
    };
    const pair = make("div", { class: "chart-pair" }, charts.sdr.node, charts.rate.node);
    this.root.replaceChildren(this.head, this.gauge, this.numbers, charts.loss.node, pair);
    return charts;
  }

  /** A switch of the curves. @param {boolean} on @param {(on: boolean) => void} change */
  toggle(on, change) {
    const button = make("button", { type: "button", class: "chip", "aria-pressed": String(on) });
    button.addEventListener("click", () => {
      const now = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(now));
      change(now);
      if (this.data) this.showCurves(this.data);
    });
    return button;
  }

  /** @param {RunData} data */
  showState(data) {
    const about = data.state === "finished" ? `live.about_${data.reason}` : `live.about_${data.state}`;
    const sentence = text(about) === about ? "" : text(about);
    const { facts } = data;
    const line = isNumber(facts.n_weights)
      ? text("live.facts", { ...facts, songs: facts.train_songs, weights: formatMillions(facts.n_weights) })
      : "";
    this.head.dataset.state = data.state;
    this.head.replaceChildren(
      ...[
        make(
          "header",
          {},
          make("i", { class: "lamp", "aria-hidden": "true" }),
          make("h3", { text: text(`live.state_${data.state}`) }),
          make("span", { class: "name quiet", text: data.run }),
        ),
        data.message && make("p", { class: "failure bad", role: "alert", text: data.message }),
        sentence && make("p", { class: "quiet", text: sentence }),
        isNumber(data.changed_sdr_db) &&
          make("p", { class: "quiet", text: text("live.changed", { sdr: data.changed_sdr_db.toFixed(2) }) }),
        ...this.progress(data),
        line && make("p", { class: "quiet facts-line", text: line }),
      ].filter((part) => part instanceof Node),
    );
  }

  /** @param {RunData} data */
  progress({ progress, preparing, state }) {
    if (state === "preparing") return this.bar(text("live.reading"), preparing.stage || "", preparing.fraction || 0);
    if (!isNumber(progress.epochs)) return [];
    const active = state === "running" || state === "stopping";
    const values = { ...progress, epoch: Math.min(progress.epochs, progress.epoch + (active ? 1 : 0)) };
    const aside = [
      active && isNumber(progress.seconds_left) && text("live.left", { time: formatDuration(progress.seconds_left) }),
      active && progress.minutes && text("live.limit", { n: progress.minutes }),
    ]
      .filter(Boolean)
      .join(" · ");
    return this.bar(
      text(active ? "live.at" : "live.done", values),
      aside,
      active ? progress.step / progress.steps : progress.epoch / progress.epochs,
    );
  }

  /** @param {string} sentence @param {string} aside @param {number} fraction */
  bar(sentence, aside, fraction) {
    const width = Math.round(100 * Math.min(1, Math.max(0, fraction)));
    return [
      make(
        "div",
        { class: "progress-card" },
        make("div", { class: "line" }, make("span", { text: sentence }), make("span", { class: "quiet", text: aside })),
        make(
          "div",
          {
            class: "bar",
            role: "progressbar",
            "aria-valuemin": 0,
            "aria-valuemax": 100,
            "aria-valuenow": width,
            "aria-label": sentence,
          },
          make("i", { style: `width:${width}%` }),
        ),
      ),
    ];
  }

  /** Early stopping: epochs without a better loss, of those that are waited for. @param {Numbers} numbers */
  showPatience({ bad_epochs, patience, best_loss: loss, best_epoch: epoch }) {
    const bad = bad_epochs || 0;
    const started = isNumber(loss) && isNumber(patience);
    const values = started ? { bad, patience, loss: formatShort(loss), epoch } : {};
    const sentence = text(!started ? "live.early_wait" : bad ? "live.early_bad" : "live.early_best", values);
    const share = started ? Math.min(1, bad / patience) : 0;
    this.gauge.replaceChildren(
      make("div", { class: "line" }, make("b", { text: text("live.early") }), make("span", { text: sentence })),
      this.cells(bad, patience || 15, share, sentence),
    );
  }

  // One cell per epoch where the cells are wide enough, else one bar.
  /** @param {number} bad @param {number} patience @param {number} share @param {string} sentence */
  cells(bad, patience, share, sentence) {
    const meter = make("div", {
      class: "gauge",
      role: "meter",
      "aria-valuemin": 0,
      "aria-valuemax": patience,
      "aria-valuenow": Math.min(bad, patience),
      "aria-valuetext": sentence,
      "aria-label": text("live.early"),
    });
    meter.dataset.level = share < 0.5 ? "calm" : share < 0.85 ? "near" : "last";
    if (patience > 40) meter.append(make("i", { class: "whole", style: `width:${100 * share}%` }));
    else for (let n = 0; n < patience; n++) meter.append(make("i", { class: n < bad ? "cell used" : "cell" }));
    return meter;
  }

  /** @param {RunData} data */
  showNumbers({ numbers, limits: { floor_sdr_db: floor, oracle_sdr_db: oracle }, best_sdr_db: sdr }) {
    const reach =
      isNumber(sdr) && isNumber(oracle) && isNumber(floor) && oracle > floor ? (sdr - floor) / (oracle - floor) : null;
    /** @type {[key: string, value: string | false, about: string][]} */
    const rows = [
      [
        "best_sdr",
        isNumber(sdr) && `${sdr.toFixed(2)} dB`,
        reach !== null ? text("live.reach", { share: formatPercent(reach) }) : "",
      ],
      [
        "speed",
        isNumber(numbers.audio_seconds_per_second) &&
          `${formatShort(Number(numbers.audio_seconds_per_second.toPrecision(3)))}×`,
        text("live.speed_unit"),
      ],
      ["wait", isNumber(numbers.data_wait_share) && formatPercent(numbers.data_wait_share), text("live.wait_unit")],
      [
        "memory",
        isNumber(numbers.memory_mb) && `${(numbers.memory_mb / 1024).toFixed(1)} GB`,
        text("live.memory_unit"),
      ],
      ["skipped", isNumber(numbers.skipped_steps) && String(numbers.skipped_steps), text("live.skipped_unit")],
    ];
    this.numbers.replaceChildren(
      ...rows.map(([key, value, about]) =>
        make(
          "div",
          { class: "card tile", "data-tile": key },
          make("dt", { text: text(`live.${key}`) }),
          make("dd", { text: value || "–" }),
          make("dd", { class: "about", text: value ? about : "" }),
        ),
      ),
    );
  }

  /** @param {RunData} data */
  showCurves({ curves, limits }) {
    if (!this.charts) return;
    const losses = [...curves.train, ...curves.valid].map((point) => point[1]);
    this.logSwitch.disabled = losses.some((loss) => loss <= 0); // a logarithm needs more than nothing
    /** @param {"train" | "valid"} name */
    const raw = (name) => (this.raw ? curves[name] : []);
    this.logSwitch.textContent = text("live.log");
    this.rawSwitch.textContent = text("live.raw");
    this.charts.loss.show(
      [
        { name: "live.train", ink: "--line-train", points: raw("train"), faint: true },
        { name: "live.valid", ink: "--line-valid", points: raw("valid"), faint: true },
        { name: "live.train", ink: "--line-train", points: curves.train_smooth },
        { name: "live.valid", ink: "--line-valid", points: curves.valid_smooth },
      ],
      limitsOf(limits.floor_loss, limits.oracle_loss),
      this.log && !this.logSwitch.disabled,
    );
    this.charts.sdr.show(
      [{ name: "live.valid", ink: "--line-valid", points: curves.sdr }],
      limitsOf(limits.floor_sdr_db, limits.oracle_sdr_db),
    );
    this.charts.rate.show([{ name: "live.learning_rate", ink: "--line-rate", points: curves.learning_rate }]);
  }

  close() {
    for (const chart of Object.values(this.charts || {})) chart.close();
    this.charts = null;
  }
}

/**
 * @param {number | null | undefined} floor @param {number | null | undefined} oracle
 * @returns {import("./chart.js").Limit[]}
 */
const limitsOf = (floor, oracle) => [
  { name: "live.floor", ink: "--limit-floor", y: floor },
  { name: "live.oracle", ink: "--limit-oracle", y: oracle },
];

/** @param {Hooks<RunData>} hooks */
export function mountLive({ element, props, watch }) {
  const live = new Live(find(element, ".sori-live"));
  const show = () => live.show(props.value || null);
  watch("value", show);
  const stopLanguage = onLanguage(show);
  whenGone(element, () => {
    live.close();
    stopLanguage();
  });
  show();
}
