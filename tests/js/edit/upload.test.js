import assert from "node:assert/strict";
import { test } from "node:test";
import { isPicture, problemOf } from "../../../static/js/edit/upload.js";

const bytes = (/** @type {string} */ text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const PNG = bytes("\x89PNG\r\n\x1a\n");
const picture = { name: "a.png", size: 100 };

test("a picture of a usual size can be opened, whatever its name says", () => {
  assert.equal(problemOf(picture, PNG, 100), "");
  assert.equal(problemOf({ ...picture, name: "a.heic" }, bytes("\xff\xd8\xff\xe0"), 100), "");
});

test("a large one is refused before it travels", () => {
  assert.match(problemOf({ ...picture, size: 101 }, PNG, 100), /“a.png” is larger than/);
});

test("a file that does not begin as a picture does is refused", () => {
  assert.match(problemOf({ ...picture, name: "a.txt" }, bytes("hello"), 100), /“a.txt” is not a picture/);
  assert.match(problemOf(picture, bytes(""), 100), /is not a picture/);
});

test("the first bytes tell the formats that the server takes", () => {
  for (const begin of ["GIF89a", "RIFF\x10\x00\x00\x00WEBPVP8 ", "\x00\x00\x00\x1cftypavif", "\r\n\x89PNG"]) {
    assert.ok(isPicture(bytes(begin)), begin);
  }
  for (const begin of ["<svg xmlns", "%PDF-1.7", "RIFF\x10\x00\x00\x00AVI "])
    assert.ok(!isPicture(bytes(begin)), begin);
});
