// What surrounds the song on an exported page: name, language, light or dark, licences.
import { make } from "../dom.js";
import { text } from "../text.js";

const LANGUAGES = { en: "English", ko: "한국어", ja: "日本語", zh: "中文", es: "Español" };

/** @param {string} sentence below the title */
export function buildHeader(sentence) {
  const { documentElement } = document;
  const options = Object.entries(LANGUAGES).map(([value, name]) =>
    make("option", { value, text: name, selected: value === documentElement.lang }),
  );
  const select = make(
    "select",
    { "aria-label": text("export.language"), onchange: () => (documentElement.lang = select.value) },
    ...options,
  );
  const logo = document.querySelector("link[rel=icon]")?.getAttribute("href");
  return make(
    "header",
    { class: "sori-header" },
    make("img", { src: logo, alt: "", width: 46, height: 46 }),
    make("div", {}, make("h1", { text: text("export.title") }), make("p", { text: sentence })),
    select,
  );
}

/** Facts of the model, and the licences of what the page carries. @param {ModelSettings} model */
export const buildAbout = (model) =>
  make(
    "details",
    { class: "about" },
    make("summary", { text: text("export.about") }),
    ...Object.entries(model.about).map(([key, fact]) => make("p", { text: text(`export.${key}`, { fact }) })),
    ...Object.entries(model.licences).map(([name, licence]) =>
      make("details", {}, make("summary", { text: name }), make("pre", { text: licence })),
    ),
  );

/** Keeps the page light or dark as the system is, or in colours and language as the page around it. */
export function followLooks() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const around = findPageAround();
  const apply = () => {
    document.body.classList.toggle("dark", around ? around.body.classList.contains("dark") : dark.matches);
    const language = around?.documentElement.lang.toLowerCase().split("-")[0] ?? "";
    if (language in LANGUAGES && language !== document.documentElement.lang) document.documentElement.lang = language;
  };
  dark.addEventListener("change", apply);
  apply();
  if (!around) return;
  document.body.classList.add("embedded");
  const observer = new MutationObserver(apply);
  for (const element of [around.body, around.documentElement])
    observer.observe(element, { attributes: true, attributeFilter: ["class", "lang"] });
}

/** The document that holds this page in a frame, if it is of the same site. */
function findPageAround() {
  try {
    return window.parent === window ? null : window.parent.document;
  } catch {
    return null;
  }
}
