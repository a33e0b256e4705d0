import assert from "node:assert/strict";
import { test } from "node:test";
import { draftFields } from "../../../static/js/create/drafts.js";
import { missingOf, pictureIn, withName } from "../../../static/js/references/references.js";

test("an address of a picture tells which one it is", () => {
  assert.equal(pictureIn("https://studio.example/pictures/42/?in=mine"), "42");
  assert.equal(pictureIn("https://studio.example/galleries/42/"), "");
  assert.equal(pictureIn(""), "");
});

test("a name goes into the prompt at the caret, with spaces around it", () => {
  assert.deepEqual(withName("", 0, "@1"), { prompt: "@1 ", caret: 3 });
  assert.deepEqual(withName("put on a table", 3, "@1"), { prompt: "put @1 on a table", caret: 6 });
  assert.deepEqual(withName("put ", 4, "@2"), { prompt: "put @2 ", caret: 7 });
});

test("what is there already is not added again", () => {
  assert.deepEqual(missingOf(["3", "4", "4", ""], ["3"]), ["4"]);
});

test("a draft keeps the references and no files", () => {
  const form = new FormData();
  form.append("reference", "3");
  form.append("reference", "1");
  form.append("reference_files", new File([""], "a.png"));
  assert.deepEqual(draftFields(form), [
    ["reference", "3"],
    ["reference", "1"],
  ]);
});
