import assert from "node:assert/strict";
import { test } from "node:test";
import { besideOf, placesOf, scrollWay } from "../../../static/js/galleries/arrange.js";

test("arrows move a tile one place along the reading order", () => {
  assert.equal(placesOf("ArrowLeft"), -1);
  assert.equal(placesOf("ArrowUp"), -1);
  assert.equal(placesOf("ArrowRight"), 1);
  assert.equal(placesOf("ArrowDown"), 1);
  assert.equal(placesOf("Enter"), 0);
});

test("a tile at either end has no one beyond it", () => {
  const all = ["a", "b", "c"];
  assert.equal(besideOf(all, "b", 1), "c");
  assert.equal(besideOf(all, "b", -1), "a");
  assert.equal(besideOf(all, "a", -1), null);
  assert.equal(besideOf(all, "c", 1), null);
});

test("the window scrolls only while a tile is held near its edge", () => {
  assert.equal(scrollWay(69, 800), -1);
  assert.equal(scrollWay(70, 800), 0);
  assert.equal(scrollWay(730, 800), 0);
  assert.equal(scrollWay(731, 800), 1);
});
