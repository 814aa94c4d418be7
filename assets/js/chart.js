// A light line chart in SVG: axes, raw and smoothed lines, dashed limits, a log switch, and values under the pointer.
(() => {
  "use strict";
  const Sori = (window.Sori = window.Sori || {});
  const { make, text } = Sori;
  const MARGIN = { top: 10, right: 12, bottom: 24, left: 48 };
  const SPACE = "http://www.w3.org/2000/svg";

  const draw = (tag, attributes, ...children) => {
    const node = document.createElementNS(SPACE, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  // 0.0123 -> "0.0123", 12345 -> "12345": four digits that count, whatever the size.
  Sori.short = (value) => {
    if (value === 0) return "0";
    const size = Math.abs(value);
    return size >= 0.001 && size < 1e5 ? String(Number(value.toPrecision(4))) : value.toExponential(1);
  };

  // Round numbers that divide low..high into about `wanted` parts.
  function linearTicks(low, high, wanted) {
    const rough = (high - low) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
    const ticks = [];
    for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-6; tick += step) ticks.push(Number(tick.toPrecision(12)));
    return ticks;
  }

  function logTicks(low, high) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const factor of [1, 2, 5]) ticks.push(factor * 10 ** power);
    }
    const within = ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
    return within.length >= 2 ? within : linearTicks(low, high, 4);
  }

  // The value of a line at the point nearest to x.
  function nearest(points, x) {
    let best = null;
    for (const point of points) if (!best || Math.abs(point[0] - x) < Math.abs(best[0] - x)) best = point;
    return best;
  }

  class Chart {
    // options: title (text key), legend: [[css class, text key]], controls: nodes for the head, height in pixels
    constructor({ title, height = 220, controls = [] }) {
      Object.assign(this, { title, height, lines: [], limits: [], log: false });
      this.svg = draw("svg", { role: "img", class: "chart-area" });
      this.heading = make("h4");
      this.legend = make("ul", { class: "chart-legend" });
      this.readout = make("div", { class: "chart-readout", hidden: true });
      this.node = make("figure", { class: "card chart" },
        make("figcaption", {}, this.heading, this.legend, make("span", { class: "chart-controls" }, ...controls)),
        make("div", { class: "chart-box" }, this.svg, this.readout));
      this.svg.addEventListener("pointermove", (event) => this.read(event));
      this.svg.addEventListener("pointerleave", () => this.unread());
      this.resize = new ResizeObserver(() => this.svg.clientWidth !== this.width && this.render());
      this.resize.observe(this.svg);
    }

    // lines: [{name, css, points: [[x, y]], faint}], limits: [{name, css, y}]
    show(lines, limits = [], log = false) {
      this.lines = lines.filter((line) => line.points.length);
      this.limits = limits.filter((limit) => typeof limit.y === "number" && (!log || limit.y > 0));
      this.log = log;
      this.render();
    }

    render() {
      this.width = this.svg.clientWidth;
      this.heading.textContent = text(this.title);
      const keys = [...this.lines.filter((line) => !line.faint), ...this.limits];
      this.legend.replaceChildren(...(keys.length > 1 ? keys : []).map((item) =>
        make("li", { class: item.css }, make("i", { class: "y" in item ? "key dashed" : "key" }), make("span", { text: text(item.name) }))));
      this.unread();
      if (!this.lines.length) {
        this.svg.replaceChildren();
        this.svg.setAttribute("aria-label", `${text(this.title)}: ${text("live.waiting")}`);
        this.node.dataset.empty = text("live.waiting");
        return;
      }
      delete this.node.dataset.empty;
      if (!this.width) return;
      this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
      this.svg.style.height = `${this.height}px`;
      this.scale();
      this.mark = draw("g", {});
      this.svg.replaceChildren(...this.grid(), ...this.limits.map((limit) => this.limit(limit)), ...this.lines.map((line) => this.line(line)), this.mark);
      this.svg.setAttribute("aria-label", this.summary());
    }

    scale() {
      const xs = this.lines.flatMap((line) => line.points.map((point) => point[0]));
      const ys = [...this.lines.flatMap((line) => line.points.map((point) => point[1])), ...this.limits.map((limit) => limit.y)];
      this.log = this.log && Math.min(...ys) > 0;
      const toY = this.log ? Math.log10 : (y) => y;
      const [x0, x1] = [Math.min(0, ...xs), Math.max(...xs)];
      let [y0, y1] = [toY(Math.min(...ys)), toY(Math.max(...ys))];
      const air = (y1 - y0) * 0.06 || Math.abs(y1) * 0.1 || 1;
      [y0, y1] = [y0 - air, y1 + air];
      const [w, h] = [this.width - MARGIN.left - MARGIN.right, this.height - MARGIN.top - MARGIN.bottom];
      this.x = (value) => MARGIN.left + ((value - x0) / (x1 - x0 || 1)) * w;
      this.y = (value) => MARGIN.top + (1 - (toY(value) - y0) / (y1 - y0)) * h;
      this.xAt = (pixel) => x0 + ((pixel - MARGIN.left) / w) * (x1 - x0 || 1);
      this.xTicks = linearTicks(x0, x1 > x0 ? x1 : x0 + 1, Math.max(2, Math.min(8, w / 70)));
      this.yTicks = this.log ? logTicks(10 ** y0, 10 ** y1) : linearTicks(y0, y1, 4);
    }

    grid() {
      const [right, bottom] = [this.width - MARGIN.right, this.height - MARGIN.bottom];
      const across = this.yTicks.flatMap((tick) => [
        draw("line", { class: "grid", x1: MARGIN.left, x2: right, y1: this.y(tick), y2: this.y(tick) }),
        draw("text", { class: "tick", x: MARGIN.left - 7, y: this.y(tick) + 4, "text-anchor": "end" }, Sori.short(tick)),
      ]);
      const ticks = this.xTicks.map((tick) =>
        draw("text", { class: "tick", x: this.x(tick), y: bottom + 17, "text-anchor": "middle" }, Sori.short(tick)));
      const unit = draw("text", { class: "tick unit", x: MARGIN.left - 7, y: bottom + 17, "text-anchor": "end" }, text("live.epoch"));
      return [...across, ...ticks, unit];
    }

    limit({ css, y }) {
      return draw("line", { class: `limit ${css}`, x1: MARGIN.left, x2: this.width - MARGIN.right, y1: this.y(y), y2: this.y(y) });
    }

    line({ css, points, faint }) {
      if (points.length === 1) return draw("circle", { class: `dot ${css}`, cx: this.x(points[0][0]), cy: this.y(points[0][1]), r: 3.5 });
      const path = points.map(([x, y], n) => `${n ? "L" : "M"}${this.x(x).toFixed(1)} ${this.y(y).toFixed(1)}`).join("");
      return draw("path", { class: `line ${css}${faint ? " faint" : ""}`, d: path });
    }

    summary() {
      const last = this.lines.filter((line) => !line.faint).map((line) => `${text(line.name)} ${Sori.short(line.points.at(-1)[1])}`);
      const x = Math.max(...this.lines.map((line) => line.points.at(-1)[0]));
      return text("live.chart", { title: text(this.title), values: last.join(", "), x: Sori.short(x) });
    }

    read(event) {
      if (!this.lines.length || !this.mark) return;
      const box = this.svg.getBoundingClientRect();
      const x = this.xAt(event.clientX - box.left);
      const found = this.lines.filter((line) => !line.faint).map((line) => ({ line, point: nearest(line.points, x) }));
      const at = found.map(({ point }) => point[0]).sort((a, b) => Math.abs(a - x) - Math.abs(b - x))[0];
      this.mark.replaceChildren(
        draw("line", { class: "cursor", x1: this.x(at), x2: this.x(at), y1: MARGIN.top, y2: this.height - MARGIN.bottom }),
        ...found.map(({ line, point }) => draw("circle", { class: `dot ${line.css}`, cx: this.x(point[0]), cy: this.y(point[1]), r: 3.5 })));
      this.readout.replaceChildren(make("b", { text: `${text("live.epoch")} ${Sori.short(at)}` }), ...found.map(({ line, point }) =>
        make("span", { class: line.css }, make("i", { class: "key" }), make("span", { text: `${text(line.name)} ${Sori.short(point[1])}` }))));
      this.readout.hidden = false;
      const left = this.x(at) + 12;
      const flip = left + this.readout.offsetWidth > this.width;
      this.readout.style.left = `${flip ? this.x(at) - 12 - this.readout.offsetWidth : left}px`;
    }

    unread() {
      this.readout.hidden = true;
      this.mark?.replaceChildren();
    }

    close() { this.resize.disconnect(); }
  }

  Sori.Chart = Chart;
})();
