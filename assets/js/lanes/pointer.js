// The pointer on the lanes: a click seeks, a drag chooses the region to repeat, a wheel or two fingers scroll and zoom.

const DRAG_PIXELS = 6;
const LINE_PIXELS = 16; // of a wheel that counts lines

/** @typedef {{x: number, time: Seconds, target: Element}} Origin where the pointer went down */
/** @typedef {import("./view.js").TimeView} TimeView */

/**
 * Turns clicks and drags on `area`, the stack of lanes, into places in the song.
 * @param {HTMLElement} area @param {TimeView} view
 * @param {Record<"region" | "preview", (loop: Loop, event: MouseEvent) => void> & {seek: (at: Seconds, where: Element) => void}} calls
 */
export function watchPointer(area, view, { seek, region, preview }) {
  /** @type {Origin | null} */
  let origin = null;
  /** @param {Origin} from @param {PointerEvent} event */
  const span = (from, event) => {
    const [start, end] = [from.time, timeOf(area, view, event)].sort((x, y) => x - y);
    return { start, end };
  };
  /** @param {Origin} from @param {PointerEvent} event */
  const dragged = (from, event) => Math.abs(event.clientX - from.x) > DRAG_PIXELS;
  area.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (!event.isPrimary) {
      origin = null; // a second finger: they zoom
      return;
    }
    origin = { x: event.clientX, time: timeOf(area, view, event), target: /** @type {Element} */ (event.target) };
    area.setPointerCapture(event.pointerId);
  });
  area.addEventListener("pointermove", (event) => {
    if (origin && event.isPrimary && dragged(origin, event)) preview(span(origin, event), event);
  });
  area.addEventListener("pointerup", (event) => {
    if (!origin || !event.isPrimary) return;
    const chosen = span(origin, event);
    if (dragged(origin, event) && chosen.end - chosen.start > 0.1) region(chosen, event);
    else seek(timeOf(area, view, event), origin.target);
    origin = null;
  });
  area.addEventListener("pointercancel", () => {
    origin = null;
  });
}

/** Lets a wheel and two fingers on `area` change the view. @param {HTMLElement} area @param {TimeView} view */
export function watchZoom(area, view) {
  area.addEventListener(
    "wheel",
    (event) => {
      const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PIXELS : 1;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault(); // a trackpad's pinch comes as a wheel with ctrl
        view.zoom(Math.exp(-0.004 * pixels * event.deltaY), timeOf(area, view, event));
        return;
      }
      const delta = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.deltaY;
      const before = view.start;
      view.scroll(((pixels * delta) / area.clientWidth) * view.span);
      if (view.start !== before) event.preventDefault(); // at its end the page goes on scrolling
    },
    { passive: false },
  );
  watchPinch(area, view);
}

/** @param {HTMLElement} area @param {TimeView} view */
function watchPinch(area, view) {
  /** @type {Map<number, number>} where each finger is, in pixels of the page */
  const fingers = new Map();
  const measure = () => {
    const [a, b] = [...fingers.values()];
    return { middle: (a + b) / 2, distance: Math.max(10, Math.abs(a - b)) };
  };
  area.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") fingers.set(event.pointerId, event.clientX);
  });
  area.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = fingers.size === 2 ? measure() : null;
    fingers.set(event.pointerId, event.clientX);
    if (!before) return;
    const after = measure();
    view.scroll(((before.middle - after.middle) / area.clientWidth) * view.span);
    view.zoom(after.distance / before.distance, timeOf(area, view, { clientX: after.middle }));
  });
  for (const end of /** @type {const} */ (["pointerup", "pointercancel"]))
    area.addEventListener(end, (event) => fingers.delete(event.pointerId));
}

/** @param {HTMLElement} area @param {TimeView} view @param {{clientX: number}} event */
function timeOf(area, view, event) {
  const box = area.getBoundingClientRect();
  return view.timeAt(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
}
