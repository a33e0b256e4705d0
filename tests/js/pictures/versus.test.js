import assert from "node:assert/strict";
import { test } from "node:test";
import { shuffled } from "../../../static/js/pictures/versus.js";

test("each picture of a blind comparison has a place of its own", () => {
  assert.deepEqual(
    shuffled(4, () => 0),
    [1, 2, 3, 0],
  );
  assert.deepEqual(shuffled(4).sort(), [0, 1, 2, 3]);
});
