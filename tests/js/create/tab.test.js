import assert from "node:assert/strict";
import { test } from "node:test";
import { countDown, tabTitle } from "../../../static/js/create/tab.js";

test("the tab counts what is under way, before what is ready", () => {
  assert.equal(tabTitle("Create", 0, 0), "Create");
  assert.equal(tabTitle("Create", 3, 0), "(3) Create");
  assert.equal(tabTitle("Create", 3, 1), "(3) Create");
  assert.equal(tabTitle("Create", 0, 2), "✓ Create");
});

test("a countdown ends at 0", () => {
  assert.equal(countDown("12"), "11");
  assert.equal(countDown("1"), "0");
  assert.equal(countDown("0"), "0");
});
