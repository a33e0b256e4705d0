// On a phone, a swipe over a picture goes to the previous or the next one.
import { find, findAll } from "../base/dom.js";

const LEAST = 56; // pixels
const SLOPE = 2; // how much farther to the side than up or down

/**
 * Where a swipe leads: with the finger to the right comes the previous picture.
 * @param {number} right pixels
 * @param {number} down pixels
 * @param {number} least pixels to the side
 * @param {number} slope
 * @returns {"prev" | "next" | null} null if it was no swipe
 */
export function swipeOf(right, down, least = LEAST, slope = SLOPE) {
  if (Math.abs(right) < least || Math.abs(right) < slope * Math.abs(down)) return null;
  return right > 0 ? "prev" : "next";
}

/** @param {HTMLElement} stage */
function listen(stage) {
  /** @type {{ x: number, y: number } | null} */
  let begun = null;

  stage.addEventListener(
    "touchstart",
    (event) => {
      const { clientX: x, clientY: y } = event.touches[0];
      // Two fingers zoom; and a finger moves about in a page that is zoomed in.
      begun = event.touches.length === 1 && (window.visualViewport?.scale ?? 1) < 1.05 ? { x, y } : null;
    },
    { passive: true },
  );
  stage.addEventListener("touchend", (event) => {
    if (!begun) return;
    const { clientX, clientY } = event.changedTouches[0];
    const rel = swipeOf(clientX - begun.x, clientY - begun.y);
    begun = null;
    if (rel) find(stage, `a[rel=${rel}]`, HTMLAnchorElement)?.click();
  });
}

export function start() {
  for (const stage of findAll(document, "[data-swipe]", HTMLElement)) listen(stage);
}
