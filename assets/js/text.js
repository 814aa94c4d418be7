// The page's sentences in the reader's language. The server writes them into the page as JSON (ui/scripts.py).

/** @typedef {Record<string, Record<string, string>>} Texts language -> key -> sentence */

/** @type {Texts | null} */
let texts = null;

/** @returns {Texts} */
function readTexts() {
  const source = document.getElementById("sori-texts");
  if (source) texts ??= /** @type {Texts} */ (JSON.parse(source.textContent ?? "{}"));
  return texts ?? {};
}

const language = () => (document.documentElement.lang || navigator.language || "en").toLowerCase().split("-")[0];

/** Replaces the {names} of a sentence. @param {string} sentence @param {Record<string, unknown>} values */
export const fill = (sentence, values) =>
  sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));

/**
 * The sentence of `key`, or the key where there is none.
 * @param {string} key @param {Record<string, unknown>} values
 */
export const text = (key, values = {}) => {
  const texts = readTexts();
  return fill(texts[language()]?.[key] ?? texts.en?.[key] ?? key, values);
};

/** A track's own name, else its kind's in the reader's language. @param {{kind: Kind, name?: string}} track */
export const trackName = (track) => {
  const key = `player.${track.kind}`;
  const translated = text(key);
  return track.name || (translated === key ? track.kind : translated);
};

/** Calls back when the page's language is changed; returns the way to stop. @param {() => void} callback */
export const onLanguage = (callback) => {
  const observer = new MutationObserver(callback);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
  return () => observer.disconnect();
};
