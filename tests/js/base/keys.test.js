import assert from "node:assert/strict";
import { test } from "node:test";
import { meaningOf } from "../../../static/js/base/keys.js";

const ALONE = Number.POSITIVE_INFINITY;

test("g leads, and the next key goes to a place", () => {
  assert.deepEqual(meaningOf("g", ALONE), { act: "lead" });
  assert.deepEqual(meaningOf("p", 300), { act: "go", place: "pictures" });
  assert.deepEqual(meaningOf("g", 300), { act: "go", place: "galleries" });
});

test("a key that comes too late after g is a key of its own", () => {
  assert.deepEqual(meaningOf("p", 1199), { act: "go", place: "pictures" });
  assert.deepEqual(meaningOf("p", 1200), { act: "press" });
});

test("a key that names no place is itself after g", () => {
  assert.deepEqual(meaningOf("/", 300), { act: "search" });
  assert.deepEqual(meaningOf("f", 300), { act: "press" });
});

test("slash searches and the question mark helps", () => {
  assert.deepEqual(meaningOf("/", ALONE), { act: "search" });
  assert.deepEqual(meaningOf("?", ALONE), { act: "help" });
});

test("links carry letters, ratings, Delete and two arrows, and nothing else", () => {
  for (const key of ["a", "z", "0", "5", "Delete", "ArrowLeft", "ArrowRight"]) {
    assert.deepEqual(meaningOf(key, ALONE), { act: "press" }, key);
  }
  for (const key of ["A", "6", "Enter", "ArrowUp", "Tab", '"]', "F1"]) {
    assert.deepEqual(meaningOf(key, ALONE), { act: "nothing" }, key);
  }
});
