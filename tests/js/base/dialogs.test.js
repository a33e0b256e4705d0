import assert from "node:assert/strict";
import { test } from "node:test";
import { isInside } from "../../../static/js/base/dialogs.js";

test("a click on the edge is inside the dialog, one beyond it is on the backdrop", () => {
  const box = { left: 10, right: 110, top: 20, bottom: 70 };
  assert.ok(isInside(box, 10, 20));
  assert.ok(isInside(box, 110, 70));
  for (const [x, y] of [
    [9, 40],
    [111, 40],
    [50, 19],
    [50, 71],
  ]) {
    assert.ok(!isInside(box, x, y), `${x}, ${y}`);
  }
});
