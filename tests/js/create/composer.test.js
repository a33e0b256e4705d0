import assert from "node:assert/strict";
import { test } from "node:test";
import { promptLength, ratioFrame, withoutErrors } from "../../../static/js/create/composer.js";

test("a line break counts as one character, as on the server", () => {
  assert.equal(promptLength("one\r\ntwo\n"), 8);
});

test("a frame has the size's proportions and lies in the middle", () => {
  assert.deepEqual(ratioFrame("1024x1024"), { width: 18, height: 18, x: 3, y: 3 });
  assert.deepEqual(ratioFrame("16:9"), { width: 18, height: 10.125, x: 3, y: 6.9375 });
  assert.deepEqual(ratioFrame("Portrait (512 × 1024)"), { width: 9, height: 18, x: 7.5, y: 3 });
});

test("a size without numbers has no frame", () => {
  assert.equal(ratioFrame("auto"), null);
  assert.equal(ratioFrame(""), null);
});

test("a field that is mended keeps its description and loses its error", () => {
  assert.equal(withoutErrors("prompt-length id_prompt_error"), "prompt-length");
  assert.equal(withoutErrors("id_prompt_error"), "");
  assert.equal(withoutErrors(""), "");
});
