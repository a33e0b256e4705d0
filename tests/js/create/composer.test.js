import assert from "node:assert/strict";
import { test } from "node:test";
import { alternatives, promptLength, withoutErrors } from "../../../static/js/create/composer.js";

test("a line break counts as one character, as on the server", () => {
  assert.equal(promptLength("one\r\ntwo\n"), 8);
});

test("an emoji counts as one character, as on the server", () => {
  assert.equal(promptLength("🍋🍋"), 2);
});

test("what is selected becomes the first of several choices", () => {
  assert.equal(alternatives("a boat"), "{a boat|}");
  assert.equal(alternatives(""), "{red|green}");
});

test("a field that is mended keeps its description and loses its error", () => {
  assert.equal(withoutErrors("prompt-length id_prompt_error"), "prompt-length");
  assert.equal(withoutErrors("id_prompt_error"), "");
  assert.equal(withoutErrors(""), "");
});
