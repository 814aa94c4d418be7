// A line chart by uPlot in a card: lines raw and smoothed, dashed limits, a log scale, values under the pointer.
import uPlot from "../../vendor/uplot/uPlot.esm.js";
import { make, onTheme, styleOf } from "../dom.js";
import { formatShort } from "../format.js";
import { text } from "../text.js";
import { linearTicks, logTicks, nearestIndex, rangeOf } from "./scale.js";

// `ink` is a custom property, `name` and `title` are keys of texts.
/** @typedef {{name: string, ink: string, points: Point[], faint?: boolean}} Line */
/** @typedef {{name: string, ink: string, y: number | null | undefined}} Limit */

const FONT = "11px system-ui, sans-serif";

export class Chart {
  /** @type {Line[]} */ lines = [];
  /** @type {{name: string, ink: string, y: number}[]} */ limits = [];
  /** @type {uPlot | null} */ plot = null;
  log = false;
  shape = ""; // of what the plot was built for
  heading = make("h4");
  legend = make("ul", { class: "chart-legend" });
  area = make("div", { class: "chart-area", role: "img" });
  unit = make("span", { class: "chart-unit", "aria-hidden": "true" });
  readout = make("div", { class: "chart-readout", hidden: true });

  /** @param {{title: string, height: number, controls?: HTMLElement[]}} options `height` in pixels */
  constructor({ title, height, controls = [] }) {
    this.title = title;
    this.height = height;
    this.node = make(
      "figure",
      { class: "card chart" },
      make("figcaption", {}, this.heading, this.legend, make("span", { class: "chart-controls" }, ...controls)),
      make("div", { class: "chart-box" }, this.area, this.unit, this.readout),
    );
    this.resize = new ResizeObserver(() => this.render());
    this.resize.observe(this.area);
    this.stopTheme = onTheme(() => this.plot?.redraw(false));
  }

  /** @param {Line[]} lines @param {Limit[]} limits @param {boolean} log */
  show(lines, limits = [], log = false) {
    this.lines = lines.filter((line) => line.points.length);
    this.limits = limits.flatMap(({ name, ink, y }) =>
      typeof y === "number" && (!log || y > 0) ? [{ name, ink, y }] : [],
    );
    this.log = log && this.values().every((value) => value > 0);
    this.describe();
    this.render(true);
  }

  /** All that the y axis has to show. */
  values() {
    return [
      ...this.lines.flatMap((line) => line.points.map((point) => point[1])),
      ...this.limits.map((limit) => limit.y),
    ];
  }

  describe() {
    this.heading.textContent = text(this.title);
    this.unit.textContent = this.lines.length ? text("live.epoch") : "";
    const keys = [
      ...this.clearLines().map((line) => keyOf(line)),
      ...this.limits.map((limit) => keyOf(limit, "dashed")),
    ];
    this.legend.replaceChildren(...(keys.length > 1 ? keys.map((key) => make("li", {}, ...key)) : []));
    this.node.dataset.points = String(Math.max(0, ...this.clearLines().map((line) => line.points.length)));
    if (this.lines.length) delete this.node.dataset.empty;
    else this.node.dataset.empty = text("live.waiting");
    this.area.setAttribute(
      "aria-label",
      this.lines.length ? this.summary() : `${text(this.title)}: ${text("live.waiting")}`,
    );
  }

  clearLines() {
    return this.lines.filter((line) => !line.faint);
  }

  summary() {
    const last = this.clearLines().map(
      (line) => `${text(line.name)} ${formatShort(line.points[line.points.length - 1][1])}`,
    );
    const x = Math.max(...this.lines.map((line) => line.points[line.points.length - 1][0]));
    return text("live.chart", { title: text(this.title), values: last.join(", "), x: formatShort(x) });
  }

  /**
   * Draws the lines, by a new plot where others are drawn than before.
   * @param {boolean} changed whether there are new data
   */
  render(changed = false) {
    const width = this.area.clientWidth;
    const shape = JSON.stringify([
      this.log,
      this.lines.map(({ name, faint, points }) => [name, faint, points.length === 1]),
    ]);
    if (this.plot && shape !== this.shape) this.destroy();
    if (!this.lines.length || !width) return;
    const data = changed || !this.plot ? this.columns() : null;
    if (!this.plot) {
      this.shape = shape;
      this.plot = new uPlot(this.options(width), data ?? undefined, this.area);
      this.followTouch(this.plot);
    } else {
      if (data) this.plot.setData(data);
      if (this.plot.width !== width) this.plot.setSize({ width, height: this.height });
    }
  }

  /** One column of all x and one column of y per line. @returns {uPlot.AlignedData} */
  columns() {
    return uPlot.join(
      this.lines.map(({ points }) => [points.map((point) => point[0]), points.map((point) => point[1])]),
    );
  }

  /** @param {number} width in pixels @returns {uPlot.Options} */
  options(width) {
    return {
      width,
      height: this.height,
      padding: [10, 14, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false, range: (_, low, high) => [Math.min(0, low), Math.max(high, Math.min(0, low) + 1e-6)] },
        y: { distr: this.log ? 3 : 1, range: () => rangeOf(this.values(), this.log) },
      },
      axes: [
        this.axis({ size: 24, grid: { show: false } }),
        this.axis({
          size: 48,
          splits: (_plot, _axis, low, high) => this.yTicks(low, high),
          filter: (_, splits) => splits,
        }),
      ],
      series: [{}, ...this.lines.map((line) => seriesOf(line))],
      cursor: {
        y: false,
        drag: { x: false, y: false, setScale: false },
        move: (plot, left, top) => [
          left < 0 ? left : Math.round(plot.valToPos(plot.data[0][plot.posToIdx(left)], "x")),
          top,
        ],
        dataIdx: (plot, series, closest, x) =>
          series ? (nearestIndex(plot.data[0], plot.data[series], x) ?? closest) : closest,
        points: {
          size: (_, series) => (this.lines[series - 1]?.faint ? 0 : 7),
          fill: (_, series) => styleOf(this.lines[series - 1].ink),
          width: 0,
        },
      },
      hooks: { drawAxes: [(plot) => this.drawLimits(plot)], setCursor: [(plot) => this.read(plot)] },
    };
  }

  /** @param {number} low @param {number} high */
  yTicks(low, high) {
    return this.log ? logTicks(low, high) : linearTicks(low, high, 4);
  }

  /** @param {uPlot.Axis} more @returns {uPlot.Axis} */
  axis(more) {
    return {
      font: FONT,
      gap: 6,
      stroke: () => styleOf(document.body.classList.contains("dark") ? "--neutral-300" : "--neutral-600"),
      grid: { stroke: () => styleOf("--border-color-primary"), width: 1 },
      ticks: { show: false },
      values: (_, splits) => splits.map(formatShort),
      ...more,
    };
  }

  /** @param {uPlot} plot */
  drawLimits({ ctx, bbox, valToPos }) {
    ctx.save();
    ctx.lineWidth = 1.4 * uPlot.pxRatio;
    ctx.setLineDash([5 * uPlot.pxRatio, 4 * uPlot.pxRatio]);
    for (const { ink, y } of this.limits) {
      const at = valToPos(y, "y", true);
      ctx.strokeStyle = styleOf(ink);
      ctx.beginPath();
      ctx.moveTo(bbox.left, at);
      ctx.lineTo(bbox.left + bbox.width, at);
      ctx.stroke();
    }
    ctx.restore();
  }

  /** Writes the values under the pointer beside it. @param {uPlot} plot */
  read(plot) {
    const { left = -1, idx, idxs } = plot.cursor;
    this.readout.hidden = left < 0 || idx == null;
    if (left < 0 || idx == null || !idxs) return;
    const rows = this.lines.flatMap((line, n) => {
      const at = idxs[n + 1];
      return line.faint || at == null
        ? []
        : [make("span", {}, ...keyOf(line, "", formatShort(Number(plot.data[n + 1][at]))))];
    });
    this.readout.replaceChildren(
      make("b", { text: `${text("live.epoch")} ${formatShort(plot.data[0][idx])}` }),
      ...rows,
    );
    const x = plot.over.offsetLeft + left;
    const flips = x + 12 + this.readout.offsetWidth > plot.width;
    this.readout.style.left = `${flips ? x - 12 - this.readout.offsetWidth : x + 12}px`;
  }

  /** uPlot follows the mouse alone. @param {uPlot} plot */
  followTouch(plot) {
    plot.over.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") return;
      const box = plot.over.getBoundingClientRect();
      plot.setCursor({ left: event.clientX - box.left, top: event.clientY - box.top });
    });
  }

  destroy() {
    this.plot?.destroy();
    this.plot = null;
    this.readout.hidden = true;
  }

  close() {
    this.resize.disconnect();
    this.stopTheme();
    this.destroy();
  }
}

/**
 * A legend's line and its name.
 * @param {{name: string, ink: string}} item @param {string} style of the line @param {string} value
 */
function keyOf({ name, ink }, style = "", value = "") {
  return [
    make("i", { class: `key ${style}`, style: `--ink: var(${ink})` }),
    make("span", { text: `${text(name)} ${value}`.trim() }),
  ];
}

/** @param {Line} line @returns {uPlot.Series} */
function seriesOf({ ink, faint, points }) {
  return {
    stroke: () => styleOf(ink),
    width: faint ? 1 : 2.2,
    alpha: faint ? 0.38 : 1,
    spanGaps: true,
    points: { show: !faint && points.length === 1, size: 7, fill: () => styleOf(ink) },
  };
}
