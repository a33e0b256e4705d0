// On a phone, a swipe over a picture goes to the previous or the next one.
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
