// Between two answers of the server a progress bar goes on by itself, from what the server knew.
import { closest, find, findAll } from "../base/dom.js";
import { gettext } from "../base/words.js";

const NEARLY = 97; // percent: only the server says that it is done

/**
 * How far it is, and what to say.
 * @param {{ from: number, left: number }} known percent done and seconds left, as the server knew
 * @param {number} passed seconds since then
 */
export function estimate({ from, left }, passed) {
  const share = left > 0 ? Math.min(passed / left, 1) : 1;
  const rest = Math.round(left - passed);
  return {
    percent: from + (NEARLY - from) * share,
    words: rest > 0 ? gettext("About %(seconds)s s left", { seconds: rest }) : gettext("Any moment now"),
  };
}

/**
 * Counts up from what the server knew.
 * @param {number} seconds
 * @param {number} passed seconds since then
 */
export const elapsed = (seconds, passed) => gettext("%(seconds)s s", { seconds: Math.floor(seconds + passed) });

export function start() {
  /** @type {WeakMap<HTMLElement, { key: string, at: number }>} */
  const counted = new WeakMap();

  /** @param {number} now */
  function count(now) {
    for (const place of findAll(document, "[data-elapsed]", HTMLElement)) {
      const key = place.dataset.elapsed ?? "0";
      let known = counted.get(place);
      if (known?.key !== key) {
        known = { key, at: now };
        counted.set(place, known);
      }
      const words = elapsed(Number(key), (now - known.at) / 1000);
      if (place.textContent !== words) place.textContent = words;
    }
  }

  /** @type {WeakMap<HTMLProgressElement, { key: string, at: number, from: number, left: number }>} */
  const seen = new WeakMap();

  function step() {
    const now = performance.now();
    count(now);
    for (const bar of findAll(document, "progress[data-seconds-left]", HTMLProgressElement)) {
      const { secondsLeft, from } = bar.dataset;
      const key = `${secondsLeft}/${from}`;
      let known = seen.get(bar);
      if (known?.key !== key) {
        known = { key, at: now, from: Number(from) || 0, left: Number(secondsLeft) || 0 };
        seen.set(bar, known);
      }
      const { percent, words } = estimate(known, (now - known.at) / 1000);
      bar.value = percent;
      const card = closest(bar, "article", HTMLElement);
      const place = card && find(card, "[data-left]", HTMLElement);
      if (place && place.textContent !== words) place.textContent = words;
    }
  }

  setInterval(step, 1000);
  document.addEventListener("htmx:after:settle", step);
  step();
}
