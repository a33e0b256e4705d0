import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

const OURS = "static/css/**/*.css";
// The administration's pages load Django's stylesheets before ours.
const DJANGO = ".venv/lib/python3*/site-packages/django/contrib/admin/static/admin/css/*.css";

/** @param {string} pattern */
const read = (pattern) =>
  globSync(pattern).map((name) => ({ name, css: readFileSync(name, "utf8").replaceAll(/\/\*.*?\*\//gs, "") }));

// Scripts set what depends on the page: how far a slider stands.
const setByScripts = globSync("static/js/**/*.js").flatMap((name) =>
  [...readFileSync(name, "utf8").matchAll(/setProperty\("(--[\w-]+)"/g)].map((match) => match[1]),
);

/** @param {string} css */
const defined = (css) => [...css.matchAll(/(?<![\w-])(--[\w-]+)\s*:/g)].map((match) => match[1]);

/** @param {string} css */
const used = (css) => [...css.matchAll(/var\(\s*(--[\w-]+)/g)].map((match) => match[1]);

/**
 * What a stylesheet uses and no one sets.
 * @param {string} css
 * @param {Iterable<string>} known
 */
function unknownProperties(css, known) {
  const all = new Set(known);
  return used(css).filter((name) => !all.has(name));
}

test("a property that no stylesheet sets is found", () => {
  const css = ":root { --soft: grey; } a { color: var(--muted); background: var( --soft, red); }";
  assert.deepEqual(unknownProperties(css, defined(css)), ["--muted"]);
});

test("a name that only ends like a property is not taken for one", () => {
  assert.deepEqual(defined(".a--soft:hover { --line : red }"), ["--line"]);
});

test("stylesheets use only properties that one of them or a script sets", () => {
  const [ours, djangos] = [read(OURS), read(DJANGO)];
  assert.ok(ours.length > 5 && djangos.length > 5, "stylesheets were not found");
  const ofAdmin = ours.filter(({ name }) => name.includes("admin"));
  const admin = [...djangos, ...ofAdmin].flatMap(({ css }) => defined(css));
  const studio = ours.filter(({ name }) => !name.includes("admin")).flatMap(({ css }) => defined(css));
  studio.push(...setByScripts);
  for (const { name, css } of ours) {
    assert.deepEqual(unknownProperties(css, name.includes("admin") ? admin : studio), [], name);
  }
});
