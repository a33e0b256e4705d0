// At the side of a list by date: a bar of its months, as long as each has pictures. One points, drags or uses the arrow
// keys to come to a month.
import { closest, find, findAll } from "../base/dom.js";
import { onContent } from "../base/page.js";

/** @typedef {{ key: string, label: string, year: number, count: number, url: string }} Month */

const LEAST = 2; // months
const AWAKE = 1600; // milliseconds that a phone shows it after scrolling
const SETTLE = 500; // milliseconds after the last arrow key
const TOP = 140; // pixels: a month whose name is above is the one that one looks at

/**
 * Where each month begins on the bar, from 0 to 1. A month with few pictures can still be pressed.
 * @param {number[]} counts
 */
export function begins(counts) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const weights = counts.map((count) => count + total / (counts.length * 3));
  const whole = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  let sum = 0;
  return weights.map((weight) => {
    const begin = sum / whole;
    sum += weight;
    return begin;
  });
}

/**
 * The month at this place of the bar.
 * @param {number[]} places where each begins
 * @param {number} at from 0 to 1
 */
export const monthAt = (places, at) =>
  Math.max(
    0,
    places.findLastIndex((place) => place <= at),
  );

/**
 * Where a key leads; null if it leads nowhere.
 * @param {string} key
 * @param {number} now
 * @param {number} count of months
 */
export function keyTo(key, now, count) {
  const steps = new Map([
    ["ArrowDown", 1],
    ["ArrowRight", 1],
    ["ArrowUp", -1],
    ["ArrowLeft", -1],
    ["PageDown", 12],
    ["PageUp", -12],
  ]);
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const step = steps.get(key);
  return step === undefined ? null : Math.min(count - 1, Math.max(0, now + step));
}

/** @type {Month[]} */
let months = [];
/** @type {number[]} */
let places = [];
let asked = ""; // the address of the months that are shown
let now = 0; // the month that one looks at or points to
let isPointing = false;
let sleep = 0;
let settle = 0;

const bar = () => find(document, "#scrubber", HTMLElement);

/**
 * @param {string} className
 * @param {string} text
 */
function piece(className, text = "") {
  return Object.assign(document.createElement("span"), { className, textContent: text });
}

/** @param {string} label */
function draw(label) {
  bar()?.remove();
  if (months.length < LEAST) return;
  const made = Object.assign(document.createElement("div"), { id: "scrubber", className: "scrubber", tabIndex: 0 });
  const about = { role: "slider", "aria-label": label, "aria-orientation": "vertical", "aria-valuemin": "0" };
  for (const [name, value] of Object.entries({ ...about, "aria-valuemax": String(months.length - 1) })) {
    made.setAttribute(name, value);
  }
  let year = 0;
  for (const [at, month] of months.entries()) {
    const mark = piece(
      month.year === year ? "scrubber-month" : "scrubber-year",
      month.year === year ? "" : `${month.year}`,
    );
    mark.style.top = `${places[at] * 100}%`;
    year = month.year;
    made.append(mark);
  }
  made.append(piece("scrubber-here"), piece("scrubber-said"));
  listen(made);
  document.body.append(made);
  follow();
}

/**
 * @param {number} month
 * @param {number} at from 0 to 1
 */
function point(month, at = places[month]) {
  const place = bar();
  if (!place || !months[month]) return;
  now = month;
  place.setAttribute("aria-valuenow", String(month));
  place.setAttribute("aria-valuetext", months[month].label);
  place.style.setProperty("--at", `${at * 100}%`);
  const said = find(place, ".scrubber-said", HTMLElement);
  if (said) said.textContent = months[month].label;
}

// The month of the pictures that one sees.
function follow() {
  if (isPointing || !bar()) return;
  const names = findAll(document, ".tiles .month", HTMLElement);
  const above = names.findLast((name) => name.getBoundingClientRect().top < TOP) ?? names[0];
  const month = months.findIndex(({ key }) => key === above?.dataset.month);
  if (month >= 0) point(month);
}

function wake() {
  const place = bar();
  if (!place) return;
  place.toggleAttribute("data-awake", true);
  clearTimeout(sleep);
  sleep = window.setTimeout(() => place.toggleAttribute("data-awake", isPointing), AWAKE);
}

async function go() {
  const month = months[now];
  if (!month) return;
  const list = document.getElementById("found");
  await window.htmx?.ajax("GET", month.url, { target: "#found", select: "#found", swap: "outerHTML", source: list });
  const top = document.getElementById("found")?.getBoundingClientRect().top ?? 0;
  scrollBy({ top: top - 8, behavior: "instant" });
}

/** @param {HTMLElement} place */
function listen(place) {
  /** @param {PointerEvent} event */
  const pointTo = ({ clientY }) => {
    const box = place.getBoundingClientRect();
    const at = Math.min(1, Math.max(0, (clientY - box.top) / box.height));
    point(monthAt(places, at), at);
  };
  place.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    isPointing = true;
    place.toggleAttribute("data-pointing", true);
    place.setPointerCapture(event.pointerId);
    pointTo(event);
    wake();
  });
  place.addEventListener("pointermove", (event) => {
    if (isPointing || event.pointerType === "mouse") pointTo(event);
  });
  place.addEventListener("pointerup", () => {
    if (!isPointing) return;
    stop();
    go();
  });
  const stop = () => {
    isPointing = false;
    place.toggleAttribute("data-pointing", false);
    wake();
  };
  place.addEventListener("pointercancel", stop);
  place.addEventListener("pointerleave", follow);
  place.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = event.key === "Enter" ? now : keyTo(event.key, now, months.length);
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation();
    point(to);
    clearTimeout(settle);
    settle = window.setTimeout(go, event.key === "Enter" ? 0 : SETTLE);
  });
}

async function load() {
  const list = find(document, "#found", HTMLElement);
  const url = list?.dataset.months ?? "";
  if (url === asked) {
    follow();
    return;
  }
  asked = url;
  months = [];
  try {
    const answer = url ? await fetch(url, { headers: { Accept: "application/json" } }) : null;
    if (asked !== url) return;
    if (answer?.ok && !answer.redirected) months = (await answer.json()).months;
  } catch {
    // Without it, the list is as it was.
  }
  places = begins(months.map(({ count }) => count));
  draw(list?.dataset.monthsLabel ?? "");
}

export function start() {
  if (!document.getElementById("found")) return;
  onContent((root) => {
    if (root instanceof Document || closest(root instanceof Element ? root : null, ".finder", HTMLElement)) load();
  });
  let isDue = false;
  addEventListener(
    "scroll",
    () => {
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(() => {
        isDue = false;
        follow();
        wake();
      });
    },
    { passive: true },
  );
}
