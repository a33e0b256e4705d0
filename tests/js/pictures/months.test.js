import assert from "node:assert/strict";
import { test } from "node:test";
import { begins, keyTo, monthAt } from "../../../static/js/pictures/months.js";

test("a month takes as much of the bar as it has pictures, and each takes some", () => {
  const places = begins([90, 0, 10]);
  assert.equal(places[0], 0);
  assert.ok(places[1] > 0.7 && places[1] < 0.9);
  assert.ok(places[2] - places[1] > 0.05);
  assert.deepEqual(begins([]), []);
});

test("a place of the bar is in the month that begins before it", () => {
  assert.equal(monthAt([0, 0.5, 0.8], 0), 0);
  assert.equal(monthAt([0, 0.5, 0.8], 0.79), 1);
  assert.equal(monthAt([0, 0.5, 0.8], 1), 2);
  assert.equal(monthAt([0, 0.5], -1), 0);
});

test("keys go by a month, by a year and to the ends", () => {
  assert.equal(keyTo("ArrowDown", 3, 30), 4);
  assert.equal(keyTo("PageUp", 3, 30), 0);
  assert.equal(keyTo("PageDown", 3, 30), 15);
  assert.equal(keyTo("End", 3, 30), 29);
  assert.equal(keyTo("Home", 3, 30), 0);
  assert.equal(keyTo("x", 3, 30), null);
});
