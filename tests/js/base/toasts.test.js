import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "../../../static/js/base/page.js";
import { describeError, isOffline } from "../../../static/js/base/toasts.js";

test("an error says what happened", () => {
  assert.equal(describeError(404, null), "That is no longer there.");
  assert.equal(describeError(500, null), "Something went wrong here. Please try again.");
  assert.equal(describeError(503, '{"other": 1}'), describeError(500, null));
});

test("an error that the page or its own toast explains is not said twice", () => {
  assert.equal(describeError(422, null), null);
  assert.equal(describeError(409, null), null);
  assert.equal(describeError(500, '{"toast": {"message": "No."}}'), null);
});

test("only a request without an answer counts as offline", () => {
  assert.ok(isOffline(new TypeError("Failed to fetch")));
  assert.ok(isOffline(new DOMException("", "AbortError")));
  assert.ok(isOffline("timeout"));
  assert.ok(!isOffline(new Error("htmx:swapError")));
  assert.ok(!isOffline(undefined));
});

test("a failed request is explained by its own words, and by ours without a network", () => {
  assert.equal(explain(new TypeError("Failed to fetch"), "Offline."), "Offline.");
  assert.equal(explain(new Error("It is full."), "Offline."), "It is full.");
});
