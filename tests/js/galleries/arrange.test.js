import assert from "node:assert/strict";
import { test } from "node:test";
import { neighbourOf, scrollDirection, stepOf } from "../../../static/js/galleries/arrange.js";

test("arrows move a tile one place along the reading order", () => {
  assert.equal(stepOf("ArrowLeft"), -1);
  assert.equal(stepOf("ArrowUp"), -1);
  assert.equal(stepOf("ArrowRight"), 1);
  assert.equal(stepOf("ArrowDown"), 1);
  assert.equal(stepOf("Enter"), 0);
});

test("a tile at either end has no one beyond it", () => {
  const all = ["a", "b", "c"];
  assert.equal(neighbourOf(all, "b", 1), "c");
  assert.equal(neighbourOf(all, "b", -1), "a");
  assert.equal(neighbourOf(all, "a", -1), null);
  assert.equal(neighbourOf(all, "c", 1), null);
});

test("the window scrolls only while a tile is held near its edge", () => {
  assert.equal(scrollDirection(69, 800), -1);
  assert.equal(scrollDirection(70, 800), 0);
  assert.equal(scrollDirection(730, 800), 0);
  assert.equal(scrollDirection(731, 800), 1);
});
