// Which part of the song the lanes show.

/** @type {Seconds} */ const SHORTEST = 0.5;

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class TimeView {
  /** @type {Seconds} */ start = 0;
  /** @type {Seconds} */ span;

  /** @param {Seconds} duration of the song @param {() => void} changed is called whenever another part is shown */
  constructor(duration, changed = () => {}) {
    this.duration = duration;
    this.changed = changed;
    this.span = duration;
  }

  get end() {
    return this.start + this.span;
  }
  get isFit() {
    return this.span >= this.duration;
  }

  /** Where a time is: 0 at the left edge of the lanes, 1 at the right. @param {Seconds} time */
  shareOf(time) {
    return (time - this.start) / this.span;
  }

  /** @param {number} share @returns {Seconds} */
  timeAt(share) {
    return clamp(this.start + share * this.span, 0, this.duration);
  }

  /** @param {Seconds} time */
  shows(time) {
    return time >= this.start && time <= this.end;
  }

  /** @param {Seconds} start @param {Seconds} span */
  show(start, span) {
    const before = [this.start, this.span];
    this.span = clamp(span, Math.min(SHORTEST, this.duration), this.duration);
    this.start = clamp(start, 0, this.duration - this.span);
    if (before[0] !== this.start || before[1] !== this.span) this.changed();
  }

  /** Leaves the time `at` where it is. @param {number} factor above 1 shows less @param {Seconds} at */
  zoom(factor, at) {
    const span = clamp(this.span / factor, Math.min(SHORTEST, this.duration), this.duration);
    this.show(at - this.shareOf(at) * span, span);
  }

  /** @param {Seconds} seconds */
  scroll(seconds) {
    this.show(this.start + seconds, this.span);
  }

  fit() {
    this.show(0, this.duration);
  }
}
