// Keyboard shortcuts. Any link or button may carry data-key="d"; single keys can be switched off in Account.
import { isTyping } from "./page.js";
import { openComposer } from "../create/composer.js";

const STORE = "lemonstudio.keys";
export const keysAreOn = () => localStorage.getItem(STORE) !== "off";

let leader = 0; // when "g" was pressed

// What follows "g", and the data-go of the link that it presses.
const PLACES = new Map([
  ["c", "create"],
  ["g", "galleries"],
  ["n", "notices"],
  ["p", "pictures"],
  ["u", "usage"],
]);

// What links and buttons may carry.
const KEYS = /^([a-z0-5]|Delete|ArrowLeft|ArrowRight)$/;

// Arrows in a group of radios choose another one of them.
const movesChoice = (event) => event.key.startsWith("Arrow") && event.target.matches?.("input[type=radio]");

const go = (name) => document.querySelector(`[data-go="${name}"]`)?.click();

function press(key) {
  // Of several pictures in a card it is the one with the focus that is meant.
  const focused = document.activeElement;
  const near = [focused?.closest(".pic"), focused?.closest("article, .tile")];
  const control =
    near[0]?.querySelector(`[data-key="${key}"]`) ??
    near[1]?.querySelector(`[data-key="${key}"]`) ??
    document.querySelector(`:is(.viewer, .months) [data-key="${key}"]`);
  control?.click();
  return Boolean(control);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const inOverlay = document.querySelector("dialog[open]:not(#lightbox), .menu:popover-open");
  if (event.key === "Escape") {
    if (isTyping(event.target)) event.target.blur();
    else if (!document.querySelector("dialog[open], .menu:popover-open") && press("Escape")) event.preventDefault();
    return;
  }
  if (!keysAreOn() || inOverlay || isTyping(event.target)) return;

  if (leader && event.timeStamp - leader < 1200 && PLACES.has(event.key)) {
    leader = 0;
    event.preventDefault();
    go(PLACES.get(event.key));
    return;
  }
  leader = 0;
  if (event.key === "g") {
    leader = event.timeStamp;
  } else if (event.key === "/") {
    event.preventDefault();
    const search = document.querySelector("[data-search]");
    if (search) search.select();
    else if (!openComposer()) go("create");
  } else if (event.key === "?") {
    event.preventDefault();
    document.getElementById("keys")?.showModal();
  } else if (KEYS.test(event.key) && !movesChoice(event) && press(event.key)) {
    event.preventDefault();
  }
});

// The switch exists only where it can work: it is hidden until this module has run.
for (const box of document.querySelectorAll("input[data-keys-switch]")) {
  box.checked = keysAreOn();
  box.closest("[hidden]")?.removeAttribute("hidden");
  box.addEventListener("change", () => localStorage.setItem(STORE, box.checked ? "on" : "off"));
}
