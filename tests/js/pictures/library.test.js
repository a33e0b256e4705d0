import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest, sizeCookie } from "../../../static/js/pictures/library.js";

/**
 * @param {number} left
 * @param {number} top
 * @param {number} width
 */
const box = (left, top, width = 100) => ({ left, top, bottom: top + 100, width });

// Rows 110 apart; the second has tiles of other widths.
const first = [box(0, 0), box(110, 0), box(220, 0)];
const second = [box(0, 110, 200), box(210, 110, 60), box(280, 110, 40)];
const third = [box(0, 220)];

test("down leads to the tile below, of any width", () => {
  const rest = [first[1], first[2], ...second, ...third];
  assert.equal(rest[nearest(first[0], rest, true)], second[0]);
  assert.equal(second[nearest(first[2], second, true)], second[1]);
});

test("down passes the rest of its own row and stays out of the row after the next", () => {
  assert.equal(nearest(second[2], third, true), 0);
  assert.equal(nearest(first[0], [...second, box(50, 220, 100)], true), 0);
});

test("up leads to the nearest tile of the row above, read backwards", () => {
  const rest = [...first].reverse();
  assert.equal(rest[nearest(second[0], rest, false)], first[0]);
  assert.equal(rest[nearest(second[2], rest, false)], first[2]);
});

test("a tile in the last row has none below", () => {
  assert.equal(nearest(third[0], [], true), -1);
  assert.equal(nearest(first[0], [first[1], first[2]], true), -1);
});

test("boxes beyond the next row are not measured", () => {
  let measured = 0;
  function* boxes() {
    for (const one of [...second, ...third, box(0, 330)]) {
      measured += 1;
      yield one;
    }
  }
  nearest(first[0], boxes(), true);
  assert.equal(measured, 4);
});

test("the size's cookie is kept for a year, and over HTTPS stays there", () => {
  assert.equal(sizeCookie("3", false), "tiles=3; Path=/; Max-Age=31536000; SameSite=Lax");
  assert.match(sizeCookie("3", true), /; Secure$/);
});
