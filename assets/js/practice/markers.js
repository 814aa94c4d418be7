// Named places in the song: a list of where to go, each of which can be renamed and deleted.
import { make } from "../dom.js";
import { formatTime } from "../format.js";
import { text } from "../text.js";

const MOST_LETTERS = 40;

/** @typedef {{at: Seconds, name: string}} Marker */

export class Markers {
  /** @type {Marker[]} in the song's order */ list = [];
  row = make("div", { class: "practice-row markers", role: "group" });

  /**
   * @param {{position: () => Seconds, seek: (at: Seconds) => void, changed: () => void}} calls
   */
  constructor(calls) {
    this.calls = calls;
  }

  /** @param {unknown} found as it was saved @param {Seconds} duration */
  restore(found, duration) {
    if (!Array.isArray(found)) return;
    this.list = found
      .filter((one) => Number.isFinite(one?.at) && one.at >= 0 && one.at <= duration && typeof one.name === "string")
      .map(({ at, name }) => ({ at, name: name.slice(0, MOST_LETTERS) }));
  }

  /** The first letter that no marker has. */
  nextName() {
    for (let n = 0; ; n++) {
      const name = n < 26 ? String.fromCharCode(65 + n) : String(n - 25);
      if (!this.list.some((marker) => marker.name === name)) return name;
    }
  }

  add() {
    this.list.push({ at: this.calls.position(), name: this.nextName() });
    this.list.sort((one, other) => one.at - other.at);
    this.draw();
    this.calls.changed();
  }

  /** @param {Marker} marker */
  remove(marker) {
    this.list = this.list.filter((one) => one !== marker);
    this.draw();
    this.calls.changed();
  }

  /** What lies between the markers around a place, as a loop. @param {Seconds} at @param {Seconds} duration @returns {Loop} */
  sectionAt(at, duration) {
    const places = [0, ...this.list.map((marker) => marker.at), duration];
    const end = places.find((place) => place > at) ?? duration;
    const start = Math.max(...places.filter((place) => place <= at && place < end));
    return { start, end };
  }

  draw() {
    const addButton = make("button", {
      type: "button",
      class: "chip mark",
      text: text("practice.mark"),
      title: text("practice.mark_hint"),
      onclick: () => this.add(),
    });
    this.row.setAttribute("aria-label", text("practice.markers"));
    this.row.replaceChildren(addButton, ...this.list.map((marker) => this.item(marker)));
  }

  /** @param {Marker} marker */
  item(marker) {
    const name = make("input", {
      class: "marker-name",
      value: marker.name,
      maxlength: MOST_LETTERS,
      style: `width: ${Math.max(2, marker.name.length)}em`,
      "aria-label": text("practice.marker_name", { name: marker.name }),
      onchange: () => {
        marker.name = name.value.trim() || marker.name;
        this.draw();
        this.calls.changed();
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => event.stopPropagation(), // letters are no commands here
    });
    const jump = make("button", {
      type: "button",
      class: "chip jump",
      text: formatTime(marker.at),
      "aria-label": text("practice.marker_jump", { name: marker.name, time: formatTime(marker.at) }),
      onclick: () => this.calls.seek(marker.at),
    });
    const remove = make("button", {
      type: "button",
      class: "chip remove",
      text: "×",
      "aria-label": text("practice.marker_delete", { name: marker.name }),
      onclick: () => this.remove(marker),
    });
    return make("span", { class: "chips marker" }, name, jump, remove);
  }
}
