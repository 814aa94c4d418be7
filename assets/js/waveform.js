// One track's waveform on a canvas, and the pointer on it: a click seeks, a drag chooses the region to repeat.
(() => {
  "use strict";
  const Sori = (window.Sori = window.Sori || {});
  const BINS = 1600;
  const DRAG_PIXELS = 6;

  class Waveform {
    constructor(engine, track, colour) {
      Object.assign(this, { engine, track, colour, peaks: null, scale: 1 });
      this.canvas = Sori.make("canvas", { class: "wave", "aria-hidden": "true" });
      this.resize = new ResizeObserver(() => this.draw());
      this.resize.observe(this.canvas);
    }

    // All tracks are drawn on one scale, so that a quiet stem looks quiet.
    async measure() { this.peaks = await this.engine.peaks(this.track, BINS); }

    draw(faded = this.faded) {
      this.faded = faded;
      const { canvas, peaks } = this;
      const ratio = window.devicePixelRatio || 1;
      const width = (canvas.width = Math.round(canvas.clientWidth * ratio));
      const height = (canvas.height = Math.round(canvas.clientHeight * ratio));
      if (!peaks || !width) return;
      const paint = canvas.getContext("2d");
      paint.fillStyle = Sori.styleOf(this.colour) || this.colour;
      paint.globalAlpha = faded ? 0.4 : 0.9;
      const step = Math.max(2, Math.round(3 * ratio));
      for (let x = 0; x < width; x += step) {
        const from = Math.floor((x / width) * peaks.length);
        const to = Math.max(from + 1, Math.floor(((x + step) / width) * peaks.length));
        let peak = 0;
        for (let bin = from; bin < to && bin < peaks.length; bin++) peak = Math.max(peak, peaks[bin]);
        const bar = Math.max(ratio, Math.min(1, peak * this.scale) ** 0.7 * height * 0.94); // lifts quiet passages into view
        paint.fillRect(x, (height - bar) / 2, step - ratio, bar);
      }
    }

    close() { this.resize.disconnect(); }
  }

  // Pointer events of `area` (the stack of waveforms): calls seek(seconds, where) or region({start, end}) in engine time.
  Sori.watchPointer = (area, engine, { seek, region, preview }) => {
    let origin = null;
    const share = (event) => {
      const box = area.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    };
    const span = (event) => {
      const [a, b] = [origin.share, share(event)].sort((x, y) => x - y);
      return { start: a * engine.duration, end: b * engine.duration };
    };
    const dragged = (event) => Math.abs(event.clientX - origin.x) > DRAG_PIXELS;
    area.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      origin = { x: event.clientX, share: share(event), target: event.target };
      area.setPointerCapture(event.pointerId);
    });
    area.addEventListener("pointermove", (event) => { if (origin && dragged(event)) preview(span(event)); });
    area.addEventListener("pointerup", (event) => {
      if (!origin) return;
      const chosen = span(event);
      if (dragged(event) && chosen.end - chosen.start > 0.1) region(chosen);
      else seek(share(event) * engine.duration, origin.target);
      origin = null;
    });
    area.addEventListener("pointercancel", () => { origin = null; });
  };

  Sori.Waveform = Waveform;
})();
