import assert from "node:assert/strict";
import { test } from "node:test";
import {
  diameterOf,
  inPixels,
  keptSquare,
  keyMeans,
  ledTo,
  markedPercent,
  markedWords,
  maskSize,
  Steps,
  spotOf,
  whereWords,
} from "../../../static/js/edit/mask_steps.js";

test("a mask has the picture's proportions and at most 1024 pixels a side", () => {
  assert.deepEqual(maskSize(4096, 2048), { width: 1024, height: 512 });
  assert.deepEqual(maskSize(1000, 3000), { width: 341, height: 1024 });
});

test("a mask is no larger than a small picture, and never without a side", () => {
  assert.deepEqual(maskSize(640, 480), { width: 640, height: 480 });
  assert.deepEqual(maskSize(8000, 2), { width: 1024, height: 1 });
});

test("what was taken back can be done again, in its order", () => {
  const steps = new Steps();
  steps.add({ kind: "invert" });
  steps.add({ kind: "clear" });
  assert.deepEqual(steps.undo(), { kind: "clear" });
  assert.deepEqual(steps.undo(), { kind: "invert" });
  assert.equal(steps.undo(), undefined);
  assert.deepEqual(steps.redo(), { kind: "invert" });
  assert.deepEqual(steps.done, [{ kind: "invert" }]);
  assert.deepEqual(steps.redo(), { kind: "clear" });
  assert.equal(steps.redo(), undefined);
});

test("a new step forgets what was taken back", () => {
  const steps = new Steps();
  steps.add({ kind: "invert" });
  steps.undo();
  steps.add({ kind: "clear" });
  assert.equal(steps.redo(), undefined);
  assert.deepEqual(steps.done, [{ kind: "clear" }]);
});

test("a region is given in parts and drawn in pixels", () => {
  assert.deepEqual(inPixels([0.5, 0.25, 0.5, 0.5], 800, 400), [400, 100, 400, 200]);
});

test("a brush is measured by the shorter side and never too thin to see", () => {
  assert.equal(diameterOf(12, 1000, 500), 60);
  assert.equal(diameterOf(2, 100, 20), 3);
});

test("a place in the window is found on a mask that is shown smaller", () => {
  const box = { left: 100, top: 50, width: 400, height: 200 };
  assert.deepEqual(spotOf({ clientX: 300, clientY: 150 }, box, 800, 400), [400, 200]);
  assert.deepEqual(spotOf({ clientX: 90, clientY: 50 }, box, 800, 400), [-20, 0]);
});

test("an arrow leads by half the brush and not off the mask", () => {
  assert.deepEqual(ledTo("ArrowRight", [50, 50], 20, 100, 80), [60, 50]);
  assert.deepEqual(ledTo("ArrowUp", [50, 5], 20, 100, 80), [50, 0]);
  assert.deepEqual(ledTo("ArrowRight", [95, 50], 20, 100, 80), [100, 50]);
  assert.deepEqual(ledTo("ArrowDown", [50, 50], 3, 100, 80), [50, 52]);
  assert.equal(ledTo("a", [50, 50], 20, 100, 80), null);
});

test("a model that takes squares keeps the start, the middle or the end", () => {
  assert.deepEqual(keptSquare("start", 300, 100), { left: 0, top: 0, side: 100 });
  assert.deepEqual(keptSquare("centre", 300, 100), { left: 100, top: 0, side: 100 });
  assert.deepEqual(keptSquare("end", 100, 300), { left: 0, top: 200, side: 100 });
});

test("a picture that is padded or has no choice keeps all", () => {
  assert.equal(keptSquare("pad", 300, 100), null);
  assert.equal(keptSquare(undefined, 300, 100), null);
});

/** @param {number[]} opacities one a pixel */
const pixels = (opacities) => opacities.flatMap((opacity) => [9, 9, 9, opacity]);

test("what is marked is counted by its opacity", () => {
  assert.equal(markedPercent(pixels([0, 0, 0, 0])), 0);
  assert.equal(markedPercent(pixels([255, 0, 0, 0])), 25);
  assert.equal(markedPercent(pixels([255, 255, 255, 255])), 100);
});

test("a trace of a mark is not nothing", () => {
  const percent = markedPercent(pixels([1, ...Array(5000).fill(0)]));
  assert.equal(percent, 0.1);
  assert.equal(markedWords(percent, "Nothing."), "Marked: less than 1 % of the picture.");
  assert.equal(markedWords(0, "Nothing."), "Nothing.");
  assert.equal(markedWords(24.6, "Nothing."), "Marked: 25 % of the picture.");
});

test("a person who does not see the brush hears where it is", () => {
  assert.equal(
    whereWords([50, 20], 200, 80, false),
    "Brush 25 % from the left, 25 % from the top, on unmarked ground.",
  );
  assert.match(whereWords([50, 20], 200, 80, true), /on marked ground/);
});

/**
 * @param {string} key
 * @param {{ isCommand?: boolean, shiftKey?: boolean }} held
 */
const meant = (key, { isCommand = false, shiftKey = false } = {}) => keyMeans({ key, isCommand, shiftKey });

test("keys draw, change the tool and the brush", () => {
  assert.equal(meant(" "), "paint");
  assert.equal(meant("e"), "tool");
  assert.equal(meant("["), "smaller");
  assert.equal(meant("]"), "larger");
  assert.equal(meant("Tab"), null);
});

test("keys take back and do again as other programs do", () => {
  assert.equal(meant("z", { isCommand: true }), "undo");
  assert.equal(meant("Z", { isCommand: true, shiftKey: true }), "redo");
  assert.equal(meant("y", { isCommand: true }), "redo");
  assert.equal(meant("e", { isCommand: true }), null);
  assert.equal(meant("z"), null);
});
