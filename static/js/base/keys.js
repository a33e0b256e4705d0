// Keyboard shortcuts. Any link or button may carry data-key="d"; single keys can be switched off in Account.
import { openComposer } from "../create/composer.js";
import { byId, closest, find, findAll, focused, matches } from "./dom.js";
import { isTyping } from "./page.js";

const STORE = "lemonstudio.keys";
export const keysAreOn = () => localStorage.getItem(STORE) !== "off";

// What follows "g", and the data-go of the link that it presses.
const PLACES = new Map([
  ["c", "create"],
  ["g", "galleries"],
  ["n", "notices"],
  ["p", "pictures"],
  ["u", "usage"],
]);
const SOON = 1200; // milliseconds after "g"

// What links and buttons may carry.
const KEYS = /^([a-z0-5]|Delete|ArrowLeft|ArrowRight)$/;

/**
 * What a key asks for. A key that follows "g" soon enough goes to a place.
 * @param {string} key
 * @param {number} sinceG milliseconds since "g" was pressed, Infinity if it was not
 * @returns {{ act: "go", place: string } | { act: "lead" | "search" | "help" | "press" | "nothing" }}
 */
export function meaningOf(key, sinceG) {
  const place = sinceG < SOON ? PLACES.get(key) : undefined;
  if (place) return { act: "go", place };
  if (key === "g") return { act: "lead" };
  if (key === "/") return { act: "search" };
  if (key === "?") return { act: "help" };
  return { act: KEYS.test(key) ? "press" : "nothing" };
}

/**
 * Arrows in a group of radios choose another one of them.
 * @param {KeyboardEvent} event
 */
const movesChoice = (event) => event.key.startsWith("Arrow") && matches(event.target, "input[type=radio]");

/** @param {string} name */
const go = (name) => find(document, `[data-go="${name}"]`, HTMLElement)?.click();

/** @param {string} key */
function press(key) {
  // Of several pictures in a card it is the one with the focus that is meant.
  const carrier = `[data-key="${key}"]`;
  const picture = closest(focused(), ".pic", HTMLElement);
  const card = closest(focused(), "article, .tile", HTMLElement);
  const control =
    (picture && find(picture, carrier, HTMLElement)) ??
    (card && find(card, carrier, HTMLElement)) ??
    find(document, `:is(.viewer, .months) ${carrier}`, HTMLElement);
  control?.click();
  return Boolean(control);
}

/** @param {KeyboardEvent} event */
function pressEscape(event) {
  if (isTyping(event.target)) event.target.blur();
  else if (!document.querySelector("dialog[open], .menu:popover-open") && press("Escape")) event.preventDefault();
}

export function start() {
  let leader = -Infinity; // when "g" was pressed

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      pressEscape(event);
      return;
    }
    const inOverlay = document.querySelector("dialog[open]:not(#lightbox), .menu:popover-open");
    if (!keysAreOn() || inOverlay || isTyping(event.target)) return;

    const meaning = meaningOf(event.key, event.timeStamp - leader);
    leader = meaning.act === "lead" ? event.timeStamp : -Infinity;
    if (meaning.act === "go") {
      event.preventDefault();
      go(meaning.place);
    } else if (meaning.act === "search") {
      event.preventDefault();
      const search = find(document, "[data-search]", HTMLInputElement);
      if (search) search.select();
      else if (!openComposer()) go("create");
    } else if (meaning.act === "help") {
      event.preventDefault();
      byId("keys", HTMLDialogElement)?.showModal();
    } else if (meaning.act === "press" && !movesChoice(event) && press(event.key)) {
      event.preventDefault();
    }
  });

  // The switch exists only where it can work: it is hidden until this module has run.
  for (const box of findAll(document, "input[data-keys-switch]", HTMLInputElement)) {
    box.checked = keysAreOn();
    box.closest("[hidden]")?.removeAttribute("hidden");
    box.addEventListener("change", () => localStorage.setItem(STORE, box.checked ? "on" : "off"));
  }
}
