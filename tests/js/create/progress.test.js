import assert from "node:assert/strict";
import { test } from "node:test";
import { elapsed, estimate } from "../../../static/js/create/progress.js";

test("a bar starts where the server left it, and goes evenly", () => {
  assert.deepEqual(estimate({ from: 40, left: 20 }, 0), { percent: 40, words: "About 20 s left" });
  assert.deepEqual(estimate({ from: 40, left: 20 }, 10), { percent: 68.5, words: "About 10 s left" });
});

test("a bar waits for the server just before its end", () => {
  assert.deepEqual(estimate({ from: 40, left: 20 }, 20), { percent: 97, words: "Any moment now" });
  assert.deepEqual(estimate({ from: 40, left: 20 }, 500), { percent: 97, words: "Any moment now" });
});

test("without an estimate a bar is nearly done", () => {
  assert.deepEqual(estimate({ from: 0, left: 0 }, 3), { percent: 97, words: "Any moment now" });
});

test("the last half second is any moment", () => {
  assert.equal(estimate({ from: 0, left: 10 }, 9.4).words, "About 1 s left");
  assert.equal(estimate({ from: 0, left: 10 }, 9.6).words, "Any moment now");
});

test("the count of seconds goes on from what the server knew", () => {
  assert.equal(elapsed(0, 0.4), "0 s");
  assert.equal(elapsed(12, 1.2), "13 s");
});
