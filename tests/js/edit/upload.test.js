import assert from "node:assert/strict";
import { test } from "node:test";
import { problemOf } from "../../../static/js/edit/upload.js";

const KINDS = ["image/png", "image/jpeg", "image/webp"];
const picture = { name: "a.png", type: "image/png", size: 100 };

test("a picture that fits is opened, to the last byte", () => {
  assert.equal(problemOf(picture, KINDS, 100), "");
});

test("a picture that is too large is refused before it travels", () => {
  assert.match(problemOf({ ...picture, size: 101 }, KINDS, 100), /“a.png” is larger than/);
});

test("another kind of file is refused, and one of unknown kind is left to the server", () => {
  assert.match(problemOf({ ...picture, name: "a.gif", type: "image/gif" }, KINDS, 100), /“a.gif” is no PNG/);
  assert.equal(problemOf({ ...picture, type: "" }, KINDS, 100), "");
});
