import assert from "node:assert/strict";
import { test } from "node:test";
import { timeFormats } from "../../../static/js/base/times.js";

const NOW = Date.UTC(2026, 4, 20, 12);
const { relative, exact } = timeFormats("en");

/** @param {number} seconds */
const ago = (seconds) => relative(new Date(NOW - seconds * 1000), NOW);

test("the last seconds are just now", () => {
  assert.equal(ago(0), "just now");
  assert.equal(ago(44), "just now");
  assert.equal(ago(45), "1 minute ago");
});

test("times are said in the largest unit that fits", () => {
  assert.equal(ago(3 * 60), "3 minutes ago");
  assert.equal(ago(3599), "60 minutes ago");
  assert.equal(ago(3600), "1 hour ago");
  assert.equal(ago(23 * 3600), "23 hours ago");
  assert.equal(ago(86400), "yesterday");
  assert.equal(ago(13 * 86400), "13 days ago");
});

test("from two weeks on the day is said", () => {
  assert.equal(ago(14 * 86400), "May 6, 2026");
});

test("what is to come is said, too", () => {
  assert.equal(ago(-2 * 3600), "in 2 hours");
  assert.equal(ago(-86400), "tomorrow");
});

test("the page's language is spoken", () => {
  assert.equal(timeFormats("de").relative(new Date(NOW - 120_000), NOW), "vor 2 Minuten");
});

test("the exact time has the day and the minute", () => {
  assert.match(exact(new Date(2026, 4, 6, 15, 7)), /May 6, 2026.*3:07\sPM/);
});
