import assert from "node:assert/strict";
import { test } from "node:test";
import { cropBox, dragged, logoBox, padded, ratioOf } from "../../../static/js/adjustments/geometry.js";

const WIDE = { width: 200, height: 100 };
const MIDDLE = { x: 0.5, y: 0.5 };

test("shapes are read as people write them", () => {
  assert.deepEqual(ratioOf("4:5"), { width: 4, height: 5 });
  assert.deepEqual(ratioOf(" 1200 x 628 "), { width: 1200, height: 628 });
  for (const text of ["", "own", "0:5", "4", "99999:1"]) assert.equal(ratioOf(text), null);
});

test("a crop is as large as the picture allows, and where the focus is", () => {
  assert.deepEqual(cropBox(WIDE, { width: 1, height: 1 }, MIDDLE, 1), { width: 100, height: 100, left: 50, top: 0 });
  assert.deepEqual(cropBox(WIDE, { width: 1, height: 1 }, { x: 1, y: 0 }, 2), {
    width: 50,
    height: 50,
    left: 150,
    top: 0,
  });
  assert.deepEqual(cropBox(WIDE, null, MIDDLE, 4), { width: 50, height: 25, left: 75, top: 37.5 });
});

test("a padded picture is whole", () => {
  assert.deepEqual(padded(WIDE, { width: 1, height: 1 }, MIDDLE), {
    frame: { width: 200, height: 200 },
    left: 0,
    top: 50,
  });
});

test("a drag moves the focus against it, and only where there is room", () => {
  assert.deepEqual(dragged(MIDDLE, { x: 10, y: 10 }, { width: 100, height: 0 }), { x: 0.4, y: 0.5 });
  assert.deepEqual(dragged(MIDDLE, { x: -900, y: 0 }, { width: 100, height: 0 }), { x: 1, y: 0.5 });
  // Padded, the picture is smaller than its frame, and goes along.
  assert.deepEqual(dragged(MIDDLE, { x: 10, y: 0 }, { width: -100, height: 0 }), { x: 0.6, y: 0.5 });
});

test("a logo stays off the edge, and whole", () => {
  const frame = { width: 1000, height: 1000 };
  assert.deepEqual(logoBox(frame, WIDE, "bottom-right", 0.2), { width: 200, height: 100, left: 770, top: 870 });
  assert.deepEqual(logoBox(frame, WIDE, "centre", 1), { width: 940, height: 470, left: 30, top: 265 });
});
