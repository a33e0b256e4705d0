import assert from "node:assert/strict";
import { test } from "node:test";
import { questionOf } from "../../../static/js/base/confirm.js";

const form = { dataset: {} };

test("the button that was pressed asks before its form", () => {
  const button = { dataset: { confirm: "Delete this picture for good?", confirmYes: "Delete for good" } };
  const other = { dataset: { confirm: "Delete all of it?" } };
  assert.deepEqual(questionOf(button, other), {
    asked: "Delete this picture for good?",
    more: "This cannot be undone.",
    yes: "Delete for good",
  });
  assert.equal(questionOf({ dataset: {} }, other)?.asked, "Delete all of it?");
});

test("what asks nothing goes ahead", () => {
  assert.equal(questionOf(null, form), null);
});
