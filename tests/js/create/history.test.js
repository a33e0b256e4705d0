import assert from "node:assert/strict";
import { test } from "node:test";
import { PromptHistory } from "../../../static/js/create/history.js";

test("up walks to older prompts and stays at the oldest", () => {
  const walk = new PromptHistory(["newest", "older", "oldest"]);
  assert.equal(walk.step(1, "typing"), "newest");
  assert.equal(walk.step(1, "newest"), "older");
  assert.equal(walk.step(1, "older"), "oldest");
  assert.equal(walk.step(1, "oldest"), "oldest");
});

test("down past the newest brings back what was being typed", () => {
  const walk = new PromptHistory(["newest", "older"]);
  walk.step(1, "half a sent");
  walk.step(1, "newest");
  assert.equal(walk.step(-1, "older"), "newest");
  assert.equal(walk.step(-1, "newest"), "half a sent");
  assert.equal(walk.step(-1, "half a sent"), "half a sent");
});

test("typing begins the walk anew, with what was typed", () => {
  const walk = new PromptHistory(["newest", "older"]);
  walk.step(1, "first");
  walk.step(1, "newest");
  walk.reset();
  assert.equal(walk.step(1, "older, changed"), "newest");
  assert.equal(walk.step(-1, "newest"), "older, changed");
});

test("an empty field comes back empty", () => {
  const walk = new PromptHistory(["newest"]);
  walk.step(1, "");
  assert.equal(walk.step(-1, "newest"), "");
});
