import assert from "node:assert/strict";
import { test } from "node:test";
import { between, changing, refusal, suggestion } from "../../../static/js/pictures/selection.js";

test("shift selects from the one to the other, in either direction", () => {
  const all = ["a", "b", "c", "d", "e"];
  assert.deepEqual(between(all, "b", "d"), ["b", "c", "d"]);
  assert.deepEqual(between(all, "d", "b"), ["b", "c", "d"]);
  assert.deepEqual(between(all, "c", "c"), ["c"]);
});

/** @param {string} marks x for a ticked box */
const boxes = (marks) => [...marks].map((mark) => ({ checked: mark === "x" }));

test("only boxes that are not as wanted change", () => {
  const some = boxes("x-x-");
  assert.deepEqual(changing(some, true, 2).boxes, [some[1], some[3]]);
  assert.deepEqual(changing(some, false, 2).boxes, [some[0], some[2]]);
});

test("no more are ticked than there is room for", () => {
  const some = boxes("----");
  const change = changing(some, true, 3, 5);
  assert.deepEqual(change.boxes, some.slice(0, 2));
  assert.equal(change.isCut, true);
  assert.equal(changing(some, true, 1, 5).isCut, false);
});

test("a full selection takes none, and can always be cleared", () => {
  assert.deepEqual(changing(boxes("--"), true, 6, 5).boxes, []);
  const full = boxes("xxxxxx");
  assert.deepEqual(changing(full, false, 6, 5), { boxes: full, isCut: false });
});

test("a refusal says what to do", () => {
  assert.match(refusal(403), /Reload/);
  assert.match(refusal(404), /no longer there/);
  assert.match(refusal(500), /try again/);
});

test("suggested tags follow those that are typed", () => {
  assert.equal(suggestion("", "yellow"), "yellow");
  assert.equal(suggestion("ye", "yellow"), "yellow");
  assert.equal(suggestion("lemon, ye", "yellow"), "lemon, yellow");
  assert.equal(suggestion("lemon,sour,", "yellow"), "lemon,sour, yellow");
});
