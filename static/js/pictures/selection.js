// Tiles that are selected, and pictures that go into the trash and come back, without the page being loaded anew.
import { byId, closest, find, findAll, focused, matches, need } from "../base/dom.js";
import { announce, explain, onContent } from "../base/page.js";
import { toast } from "../base/toasts.js";
import { gettext } from "../base/words.js";

const MOST = 500; // pictures at once
const BOX = "input[name=picture][form=selection]";
const bar = () => byId("selection", HTMLFormElement);
const boxes = () => findAll(document, BOX, HTMLInputElement).filter((box) => !box.disabled);
const ticked = () => boxes().filter((box) => box.checked);

// -- selecting

/**
 * All from the one to the other, whichever comes first; both included.
 * @template T
 * @param {T[]} all
 * @param {T} one
 * @param {T} other
 */
export function between(all, one, other) {
  const [from, to] = [all.indexOf(one), all.indexOf(other)].sort((a, b) => a - b);
  return all.slice(from, to + 1);
}

/**
 * Those boxes that change when `some` are ticked or cleared, and whether any was left out for want of room.
 * @template {{ checked: boolean }} T
 * @param {T[]} some
 * @param {boolean} checked
 * @param {number} count how many are ticked now
 * @param {number} most
 */
export function changing(some, checked, count, most = MOST) {
  const all = some.filter((box) => box.checked !== checked);
  const room = checked ? Math.max(0, most - count) : all.length;
  return { boxes: all.slice(0, room), isCut: all.length > room };
}

// -- without a mouse, a tap opens a picture; it selects one after a long press, or after Select

const LONG_PRESS = 500; // milliseconds
const SHAKE = 10; // pixels that a finger may move meanwhile

const isSelecting = () => "selecting" in document.body.dataset;

/** @param {boolean} on */
function setSelecting(on) {
  if (on) document.body.dataset.selecting = "";
  else delete document.body.dataset.selecting;
}

/**
 * Whether a finger has stayed where it was put down.
 * @param {{ clientX: number, clientY: number }} from
 * @param {{ clientX: number, clientY: number }} to
 */
export const isStill = (from, to) => Math.hypot(to.clientX - from.clientX, to.clientY - from.clientY) <= SHAKE;

function watchFingers() {
  let timer = 0;
  let isHeld = false; // a long press was made, and the click that ends it is none
  /** @type {PointerEvent | null} */
  let down = null;
  const stop = () => clearTimeout(timer);

  document.addEventListener("pointerdown", (event) => {
    stop();
    isHeld = false;
    const tile = closest(event.target, ".tile", HTMLElement);
    const box = tile && find(tile, BOX, HTMLInputElement);
    if (!box || event.pointerType !== "touch" || isSelecting()) return;
    down = event;
    timer = window.setTimeout(() => {
      isHeld = true;
      setSelecting(true);
      select([box], true);
      last = box;
    }, LONG_PRESS);
  });
  document.addEventListener("pointermove", (event) => {
    if (down && !isStill(down, event)) stop();
  });
  document.addEventListener("pointerup", stop);
  document.addEventListener("pointercancel", stop);
  document.addEventListener("scroll", stop, { capture: true, passive: true });
  document.addEventListener(
    "click",
    (event) => {
      if (!isHeld) return;
      isHeld = false;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
  // A long press would also open the browser's menu for links.
  document.addEventListener("contextmenu", (event) => {
    if (isSelecting() && matches(event.target, ".tile *")) event.preventDefault();
  });
}

/** @type {HTMLInputElement | null} */
let last = null; // the box that was ticked last, from where Shift goes on

function show() {
  const place = bar();
  if (!place) return;
  const count = ticked().length;
  place.toggleAttribute("data-any", count > 0 || isSelecting());
  const said = need(place, "[data-selected]", HTMLElement);
  const text = count || isSelecting() ? gettext("%(count)s selected", { count }) : "";
  if (said.textContent !== text) said.textContent = text;
  need(place, "[data-compare]", HTMLElement).hidden = count < 2 || count > 4;
}

function clear() {
  setSelecting(false);
  for (const box of ticked()) box.checked = false;
  last = null;
  show();
}

const sayMost = () => toast(gettext("%(most)s pictures at once are the most.", { most: MOST }));

/**
 * @param {HTMLInputElement[]} some
 * @param {boolean} checked
 */
function select(some, checked) {
  const change = changing(some, checked, ticked().length);
  for (const box of change.boxes) box.checked = checked;
  if (change.isCut) sayMost();
  show();
}

/** @param {HTMLFormElement} place */
function equip(place) {
  for (const button of findAll(place, "[data-select-all], [data-select-none]", HTMLElement)) button.hidden = false;
  need(place, "[data-select-all]", HTMLElement).addEventListener("click", () => select(boxes(), true));
  need(place, "[data-select-none]", HTMLElement).addEventListener("click", () => {
    const tile = closest(last, ".tile", HTMLElement);
    clear();
    if (tile) find(tile, "a", HTMLElement)?.focus();
  });

  document.addEventListener("click", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || !box.matches(BOX)) return;
    const all = boxes();
    if (event.shiftKey && last && last !== box && all.includes(last)) {
      select(between(all, last, box), box.checked);
    } else if (box.checked && ticked().length > MOST) {
      box.checked = false;
      sayMost();
    }
    last = box;
    show();
  });
  // Escape clears what is selected, where nothing nearer wants it.
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.isComposing || event.key !== "Escape") return;
      if (document.querySelector("dialog[open], .menu:popover-open")) return;
      if (matches(event.target, "input:not([type=checkbox]), textarea, select") || !ticked().length) return;
      event.preventDefault();
      clear();
    },
    true,
  );
  watchFingers();
  document.addEventListener("click", (event) => {
    if (!closest(event.target, "[data-select-switch]", HTMLElement)) return;
    if (isSelecting()) clear();
    else setSelecting(true);
    show();
  });
  onContent((root) => {
    for (const button of findAll(root, "[data-select-switch]", HTMLElement)) button.hidden = false;
    show();
  });
  addEventListener("pageshow", show);
}

// -- the trash

/** @typedef {{ pictures: number[], said: string, undo: string }} Told what the server says was done */

/**
 * Null if the person is signed out meanwhile: the page loads anew.
 * @param {string} url
 * @param {FormData} data
 * @returns {Promise<Told | null>}
 */
async function post(url, data) {
  const answer = await fetch(url, { method: "POST", body: data, headers: { Accept: "application/json" } });
  // The sign-in page came instead.
  if (answer.redirected) {
    location.reload();
    return null;
  }
  if (!answer.ok && answer.status !== 422) throw new Error(refusal(answer.status));
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.said);
  return told;
}

/** @param {number} status */
export function refusal(status) {
  if (status === 403) return gettext("This page is too old. Reload it and try again.");
  if (status === 404) return gettext("That is no longer there.");
  return gettext("Something went wrong here. Please try again.");
}

/** @param {number} pk */
const places = (pk) => findAll(document, `#picture-${Number(pk)}, [data-picture="${Number(pk)}"]`, HTMLElement);

/**
 * A card shows as many pictures as are left, and goes with the last of them.
 * @param {HTMLElement} card
 */
function settle(card) {
  const left = card.querySelectorAll("[data-picture]:not([hidden])").length;
  card.hidden = left === 0;
  if (left) card.dataset.count = String(left);
}

/**
 * @param {number[]} pictures
 * @param {boolean} hidden
 */
function put(pictures, hidden) {
  for (const place of pictures.flatMap(places)) {
    place.hidden = hidden;
    const box = find(place, "input[name=picture]", HTMLInputElement);
    if (box) [box.checked, box.disabled] = [false, hidden];
    // What the browser asked for while it was in the trash was refused: ask again.
    const image = find(place, "img", HTMLImageElement);
    if (!hidden && image) image.src = image.getAttribute("src") ?? "";
    const card = closest(place, "article", HTMLElement);
    if (card) settle(card);
  }
  show();
}

/**
 * Where the focus goes when what has it is gone: to the next tile or card, else to the one before.
 * @param {Element} place
 */
function neighbour(place) {
  for (const way of /** @type {const} */ (["nextElementSibling", "previousElementSibling"])) {
    let next = place[way];
    while (next && ((next instanceof HTMLElement && next.hidden) || !next.querySelector("a"))) next = next[way];
    if (next instanceof HTMLElement) return next;
  }
  return need(document, "#main", HTMLElement);
}

/**
 * Sends a form that throws pictures away; answers what was done, null if nothing was.
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 */
export async function trash(form, submitter) {
  const url = submitter?.getAttribute("formaction") || form.action;
  const data = new FormData(form);
  const here = closest(focused(), ".tile, article", HTMLElement);
  try {
    const told = await post(url, data);
    if (!told) return null;
    put(told.pictures, true);
    if (!here || here.hidden || form === bar()) {
      const next = neighbour(here ?? places(told.pictures[0])[0] ?? need(document, "#main", HTMLElement));
      (find(next, "a", HTMLElement) ?? next).focus({ preventScroll: true });
    }
    const token = String(data.get("csrfmiddlewaretoken"));
    const undo = { label: gettext("Undo"), run: () => restore(told.undo, told.pictures, token) };
    toast(told.said, "info", told.pictures.length ? undo : null);
    return told;
  } catch (problem) {
    toast(explain(problem, gettext("You seem to be offline. Nothing has changed.")), "error");
    return null;
  }
}

/**
 * @param {string} url
 * @param {number[]} pictures
 * @param {string} token
 */
async function restore(url, pictures, token) {
  const data = new FormData();
  data.append("csrfmiddlewaretoken", token);
  for (const pk of pictures) data.append("picture", String(pk));
  try {
    const told = await post(url, data);
    if (!told) return;
    put(told.pictures, false);
    document.dispatchEvent(new CustomEvent("restored", { detail: { pictures: told.pictures } }));
    const first = places(told.pictures[0])[0];
    first?.scrollIntoView({ block: "nearest" });
    if (first) find(first, "a", HTMLElement)?.focus({ preventScroll: true });
    announce(told.said);
  } catch (problem) {
    toast(explain(problem, gettext("You seem to be offline. It is still in the trash.")), "error");
  }
}

// -- tags: a list of suggestions goes by all that stands in the field, so they begin with what is there already

/**
 * What a suggestion reads in a field that has tags already.
 * @param {string} typed
 * @param {string} name
 */
export function suggestion(typed, name) {
  const before = typed.slice(0, typed.lastIndexOf(",") + 1);
  return before ? `${before} ${name}` : name;
}

/** @param {Event} event */
function suggest({ target: field }) {
  if (!(field instanceof HTMLInputElement) || field.name !== "tags" || !field.list) return;
  for (const option of findAll(field.list, "option", HTMLOptionElement)) {
    option.dataset.name ??= option.value;
    option.value = suggestion(field.value, option.dataset.name);
  }
}

export function start() {
  const place = bar();
  if (place) equip(place);

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    if (!form.matches("form[data-trash]") && !event.submitter?.matches("[data-trash]")) return;
    event.preventDefault();
    trash(form, event.submitter);
  });
  document.addEventListener("input", suggest);
}
