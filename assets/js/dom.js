// Making elements, and watching what becomes of them.

/**
 * make("button", {class: "x", text: "Play", "aria-label": "…", onclick: f}, child, child …)
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} attributes `false`, null and undefined are left out
 * @param {(Node | string | false | null | undefined)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(.../** @type {(Node | string)[]} */ (children.filter(Boolean)));
  return node;
}

/** @param {ParentNode} element @param {string} selector @returns {HTMLElement} */
export function find(element, selector) {
  const found = element.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`no ${selector} in the component`);
  return found;
}

// Drawn paths rather than emoji: they take the text's colour in both themes and need no font.
const SHAPES = {
  play: "M7 4.5v15l12-7.5z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  loop: "M7 7h9V4l5 4-5 4V9H8v4H6V8a1 1 0 0 1 1-1zm10 10H8v3l-5-4 5-4v3h8v-4h2v5a1 1 0 0 1-1 1z",
  save: "M11 4h2v8h3l-4 5-4-5h3zM5 18h14v2H5z",
};

/** @param {keyof typeof SHAPES} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

/** The value of a custom property such as "--stem-vocals". @param {string} name */
export const styleOf = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

/** A canvas's drawing context. @param {HTMLCanvasElement} canvas */
export const paintOn = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

/** Empties a canvas and gives it as many pixels as it covers; returns its size. @param {HTMLCanvasElement} canvas */
export function fitCanvas(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  else {
    const paint = paintOn(canvas);
    paint.globalAlpha = 1;
    paint.clearRect(0, 0, width, height);
  }
  return { width, height, ratio };
}

/** The bytes of a base64 text. @param {string} encoded */
export const fromBase64 = (encoded) => Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));

/** Calls back when the page turns light or dark; returns the way to stop. @param {() => void} callback */
export function onTheme(callback) {
  const observer = new MutationObserver(callback);
  observer.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  return () => observer.disconnect();
}

/**
 * Runs `cleanup` once `node` has left the page, so that no audio context outlives it.
 * @param {Node} node @param {() => void} cleanup
 */
export function whenGone(node, cleanup) {
  const timer = setInterval(() => {
    if (node.isConnected) return;
    clearInterval(timer);
    cleanup();
  }, 1000);
}
