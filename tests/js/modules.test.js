import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const ENTRIES = ["static/js/studio.js", "static/js/edit.js", "static/js/adjust.js", "static/js/admin.js"];
const modules = globSync("static/js/*/*.js");

test("modules do nothing when they are imported", async () => {
  // Node has no document: a module that reached for it would throw.
  assert.ok(modules.length > 20, "modules were not found");
  for (const name of modules) await import(pathToFileURL(path.resolve(name)).href);
});

test("each module that can be started is started once, by an entry", async () => {
  const entries = ENTRIES.map((name) => readFileSync(name, "utf8")).join("\n");
  for (const name of modules) {
    const module = await import(pathToFileURL(path.resolve(name)).href);
    const imported = entries.match(/^import \* as (\w+) from "(.*)";$/gm) ?? [];
    const lines = imported.filter((line) => line.includes(`"./${path.relative("static/js", name)}"`));
    assert.equal(lines.length, module.start ? 1 : 0, name);
    const called = lines[0]?.split(" ")[3];
    if (called) assert.match(entries, new RegExp(`^ +${called},$|^${called}\\.start\\(\\);$`, "m"), name);
  }
});
