import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import test from "node:test";

const FOLDER = new URL("../../assets/js/", import.meta.url).pathname;
const IMPORT = /^import .*?from "(\..+?)";|^import "(\..+?)";/gm;

/** Module -> the modules that it imports, as paths below assets/js. */
const modules = new Map(
  readdirSync(FOLDER, { recursive: true })
    .filter((path) => path.endsWith(".js"))
    .map((path) => {
      const source = readFileSync(join(FOLDER, path), "utf8");
      return [path, [...source.matchAll(IMPORT)].map((found) => normalize(join(dirname(path), found[1] ?? found[2])))];
    }),
);

test("no module imports itself by way of others", () => {
  const visit = (path, trail) => {
    assert.ok(!trail.includes(path), [...trail, path].join(" -> "));
    for (const next of modules.get(path) ?? []) visit(next, [...trail, path]);
  };
  for (const path of modules.keys()) visit(path, []);
});

test("every import names a file", () => {
  const vendored = [...modules.values()].flat().filter((path) => !modules.has(path));
  assert.deepEqual(vendored, ["../vendor/uplot/uPlot.esm.js"]);
});

test("importing a module needs no page and leaves no global", async () => {
  const before = Object.keys(globalThis);
  for (const path of modules.keys()) if (path !== "uploads.js") await import(join(FOLDER, path));
  assert.deepEqual(Object.keys(globalThis), before);
});
