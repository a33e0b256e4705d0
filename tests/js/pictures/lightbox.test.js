import assert from "node:assert/strict";
import { test } from "node:test";
import { focusOrder, isInList, pictureOf } from "../../../static/js/pictures/lightbox.js";

const ORIGIN = "https://studio.test";
/** @param {string} path */
const at = (path) => new URL(path, ORIGIN);

test("a picture's page is known by its address", () => {
  assert.equal(pictureOf(at("/pictures/42/?in=mine")), 42);
  assert.equal(pictureOf(at("/pictures/42/edit/")), 0);
  assert.equal(pictureOf(at("/pictures/")), 0);
  assert.equal(pictureOf(at("/x/pictures/42/")), 0);
});

test("only an address here that names a list opens over it", () => {
  assert.ok(isInList(at("/pictures/42/?in=mine"), ORIGIN));
  assert.ok(!isInList(at("/pictures/42/"), ORIGIN));
  assert.ok(!isInList(at("/galleries/42/?in=mine"), ORIGIN));
  assert.ok(!isInList(new URL("https://elsewhere.test/pictures/42/?in=mine"), ORIGIN));
});

test("the focus stays with the way that was pressed, and turns at the list's end", () => {
  assert.deepEqual(focusOrder("prev", false), ["a[rel=prev]", "a[rel=next]", "a[rel=prev]", ".back"]);
  assert.deepEqual(focusOrder(null, false), [".back"]);
  assert.deepEqual(focusOrder("next", true), ["[aria-current=true]", ".back"]);
});
