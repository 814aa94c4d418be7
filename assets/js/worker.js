// Starts Workers of modules, on a served page and on one that was opened from a file.

/** @typedef {[path: string, source: string][]} Modules in an order in which they can be linked */
/** @typedef {(modules: Modules, makeUrl: (source: string) => string) => Record<string, string>} Link gives every module a URL */

/** @type {{modules: Modules, link: Link} | null} what a page from a file carries */
let carried = null;

/** @param {Modules} modules @param {Link} link */
export function carryModules(modules, link) {
  carried = { modules, link };
}

/**
 * A Worker that runs `script`, in which `urls` has the modules' addresses by their path below `assets`.
 * @param {string} script @param {string[]} paths of modules that it imports
 */
export function startWorker(script, paths) {
  /** @param {string} path */
  const serve = (path) => new URL(`../${path}`, import.meta.url).href;
  const urls = carried ? linkData(carried, paths) : paths.map(serve);
  const named = Object.fromEntries(paths.map((path, n) => [path, urls[n]]));
  const blob = new Blob([`const urls = ${JSON.stringify(named)};\n${script}`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(blob));
}

/**
 * Data URLs of modules with all that they import inside. Of a page from a file, a Worker may import nothing else in WebKit.
 * @param {{modules: Modules, link: Link}} page @param {string[]} paths
 */
function linkData({ modules, link }, paths) {
  const wanted = new Set(paths);
  for (const [path, source] of [...modules].reverse())
    // those that import come last
    if (wanted.has(path)) for (const [, name] of source.matchAll(/["]sori:([^"]+)["]/g)) wanted.add(name);
  const urls = link(
    modules.filter(([path]) => wanted.has(path)),
    (source) => `data:text/javascript;base64,${toBase64(source)}`,
  );
  return paths.map((path) => urls[path]);
}

/** Of a text in UTF-8. @param {string} text */
function toBase64(text) {
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return btoa(bytes);
}

/**
 * A Worker that imports modules and calls `then` with them; it reports "failed" where it cannot.
 * @param {string[]} paths of the modules @param {string} then JavaScript, a function of them
 */
export const startWorkerOf = (paths, then) =>
  startWorker(
    `Promise.all(${JSON.stringify(paths)}.map((path) => import(urls[path]))).then(
      ${then},
      (error) => postMessage({ kind: "failed", reason: String(error) }),
    );`,
    paths,
  );
