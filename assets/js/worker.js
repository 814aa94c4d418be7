// Starts Workers of modules, on a served page and on one that was opened from a file.

/** @typedef {[path: string, source: string][]} Modules in an order in which they can be linked */
/** @typedef {(modules: Modules) => Record<string, string>} Link gives every module a URL */

/** @type {{modules: Modules, link: Link} | null} what a page from a file carries */
let carried = null;

/** @param {Modules} modules @param {Link} link */
export function carryModules(modules, link) {
  carried = { modules, link };
}

/**
 * A Worker that runs `script`, in which `urls` has the modules' addresses by their path below `assets`. One of a page from
 * a file may not read the page's modules: it makes its own.
 * @param {string} script @param {string[]} paths of modules that it imports
 */
export function startWorker(script, paths) {
  const urls = carried
    ? `(${carried.link})(${JSON.stringify(carried.modules)})`
    : JSON.stringify(Object.fromEntries(paths.map((path) => [path, new URL(`../${path}`, import.meta.url).href])));
  const blob = new Blob([`const urls = ${urls};\n${script}`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(blob));
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
