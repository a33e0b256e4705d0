import assert from "node:assert/strict";
import { test } from "node:test";
import { keyMeans } from "../../../static/js/pictures/zoom.js";
import {
  clamp,
  isTooCoarse,
  pinch,
  shift,
  shifts,
  sizeWords,
  stepTo,
  wheelFactor,
  widthOf,
  zoomTo,
} from "../../../static/js/pictures/zoom_geometry.js";

// A frame of 400 by 300 at 100, 50; in its middle a picture of 400 by 200.
const MEASURES = { box: { left: 100, top: 50, width: 400, height: 300 }, width: 400, height: 200, right: 0, down: 0 };
const WHOLE = { scale: 1, x: 0, y: 0 };
const MIDDLE = { x: 300, y: 200 };

/**
 * The place in the picture, in parts from its middle, that is shown at a place of the window.
 * @param {{ scale: number, x: number, y: number }} view
 * @param {{ x: number, y: number }} at
 */
const shownAt = (view, at) => ({
  x: (at.x - MIDDLE.x - view.x * MEASURES.width) / (MEASURES.width * view.scale),
  y: (at.y - MIDDLE.y - view.y * MEASURES.height) / (MEASURES.height * view.scale),
});

test("a value is kept within its bounds on both sides", () => {
  assert.equal(clamp(7, 5), 5);
  assert.equal(clamp(-7, 5), -5);
  assert.equal(clamp(3, 5), 3);
});

test("a picture that fits into its frame is not moved", () => {
  assert.equal(shift({ size: 200, frame: 300, away: 0 }, 1.5, 0.4), 0);
});

test("a picture is moved no farther than its edge reaches the frame's", () => {
  const side = { size: 400, frame: 400, away: 0 };
  assert.equal(shift(side, 2, 0.25), 100);
  assert.equal(shift(side, 2, 3), 200);
  assert.equal(shift(side, 2, -3), -200);
});

test("a picture that lies beside its frame's middle is moved by as much less", () => {
  assert.equal(shift({ size: 400, frame: 400, away: 30 }, 2, 3), 170);
});

test("each side of a picture is moved for itself", () => {
  assert.deepEqual(shifts(MEASURES, { scale: 2, x: 0.1, y: 1 }), { x: 40, y: 50 });
});

test("what is under the pointer stays there while it becomes larger", () => {
  const at = { x: 380, y: 230 };
  const once = zoomTo(WHOLE, 2, MEASURES, at);
  const twice = zoomTo(once, 3.5, MEASURES, at);
  const before = shownAt(WHOLE, at);
  for (const view of [once, twice]) {
    const after = shownAt(view, at);
    assert.ok(Math.abs(after.x - before.x) < 1e-9 && Math.abs(after.y - before.y) < 1e-9);
  }
});

test("without a pointer the middle stays", () => {
  assert.deepEqual(zoomTo(WHOLE, 2, MEASURES), { scale: 2, x: 0, y: 0 });
});

test("all of the picture lies in the middle again", () => {
  assert.deepEqual(zoomTo({ scale: 3, x: 0.4, y: -0.2 }, 1, MEASURES, { x: 0, y: 0 }), WHOLE);
});

test("a picture that is not laid out yet has a view all the same", () => {
  const view = zoomTo(WHOLE, 2, { ...MEASURES, width: 0, height: 0 }, MIDDLE);
  assert.ok(Number.isFinite(view.x) && Number.isFinite(view.y));
});

test("two fingers zoom by how far they spread, and move by their middle", () => {
  const before = [
    { x: 0, y: 0 },
    { x: 30, y: 40 },
  ];
  const after = [
    { x: 0, y: 0 },
    { x: 60, y: 80 },
  ];
  assert.deepEqual(pinch(before, after), { factor: 2, from: { x: 15, y: 20 }, to: { x: 30, y: 40 } });
});

test("fingers in one place do not divide by nothing", () => {
  const same = [
    { x: 5, y: 5 },
    { x: 5, y: 5 },
  ];
  assert.equal(pinch(same, same).factor, 1);
});

test("a turn of the wheel and its way back end where they began", () => {
  const there = wheelFactor({ deltaY: -120, isInLines: false, ctrlKey: false });
  const back = wheelFactor({ deltaY: 120, isInLines: false, ctrlKey: false });
  assert.ok(there > 1);
  assert.ok(Math.abs(there * back - 1) < 1e-9);
});

test("a wheel that counts lines and a pinch on a touchpad go as far as they should", () => {
  const plain = wheelFactor({ deltaY: -48, isInLines: false, ctrlKey: false });
  assert.equal(wheelFactor({ deltaY: -3, isInLines: true, ctrlKey: false }), plain);
  assert.equal(wheelFactor({ deltaY: -9.6, isInLines: false, ctrlKey: true }).toFixed(9), plain.toFixed(9));
});

test("steps lead in, out and to all of it", () => {
  assert.equal(stepTo("in", 2), 3);
  assert.equal(stepTo("out", 3), 2);
  assert.equal(stepTo("fit", 3), 1);
});

test("the size is said by a single picture's own pixels, and by times of several", () => {
  assert.equal(sizeWords(2, 4, true), "50 %");
  assert.equal(sizeWords(1.5, 4, false), "1.5 ×");
});

test("the original is fetched only if it shows more than the thumbnail", () => {
  assert.equal(isTooCoarse(1100, 1000, 4000), true);
  assert.equal(isTooCoarse(1050, 1000, 4000), false);
  assert.equal(isTooCoarse(3000, 1000, 1000), false);
});

test("a thumbnail's width stands in its address", () => {
  assert.equal(widthOf("https://studio.test/media/ab/640.webp?v=2"), 640);
  assert.ok(Number.isNaN(widthOf("https://studio.test/media/ab/original.png")));
});

test("arrows move only what is larger than its frame", () => {
  assert.deepEqual(keyMeans("ArrowLeft", true, true), { pan: [1, 0] });
  assert.deepEqual(keyMeans("ArrowLeft", true, false), { pan: [1, 0] });
  assert.equal(keyMeans("ArrowLeft", false, true), null);
});

test("single keys zoom unless they are switched off; Escape always shows all", () => {
  assert.deepEqual(keyMeans("+", false, true), { size: "in" });
  assert.deepEqual(keyMeans("_", true, true), { size: "out" });
  assert.deepEqual(keyMeans("0", true, true), { size: "fit" });
  assert.equal(keyMeans("0", false, true), null);
  assert.equal(keyMeans("+", false, false), null);
  assert.deepEqual(keyMeans("Escape", true, false), { size: "fit" });
  assert.equal(keyMeans("Escape", false, false), null);
});
