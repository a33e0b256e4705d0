import assert from "node:assert/strict";
import { test } from "node:test";
import { swipeOf } from "../../../static/js/pictures/swipe.js";

test("a swipe to the left brings the next picture, one to the right the previous", () => {
  assert.equal(swipeOf(-80, 10), "next");
  assert.equal(swipeOf(80, -10), "prev");
});

test("a short or a slanting move is no swipe", () => {
  assert.equal(swipeOf(55, 0), null);
  assert.equal(swipeOf(56, 0), "prev");
  assert.equal(swipeOf(80, 41), null);
  assert.equal(swipeOf(80, -40), "prev");
  assert.equal(swipeOf(0, 200), null);
});

test("where swiping is looser, less is enough", () => {
  assert.equal(swipeOf(-52, 30, 50, 1.5), "next");
});
