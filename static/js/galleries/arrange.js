// A gallery's order by hand: tiles are dragged, or moved by Alt and the arrow keys, or by their buttons. Each move is
// one request, and what the server refuses is moved back.
import { closest, csrfToken, find, findAll, focused, need } from "../base/dom.js";
import { announce, explain, isTyping, onContent } from "../base/page.js";
import { toast } from "../base/toasts.js";
import { gettext } from "../base/words.js";

const TILE = ".tiles[data-arranging] .tile";
const EDGE = 70; // pixels from the window's edge where it scrolls by itself
const DRAG = 6; // pixels from where a press becomes a drag

const grid = () => find(document, ".tiles[data-arrange]", HTMLElement);
/** @param {HTMLElement} place */
const tilesOf = (place) => findAll(place, ".tile:not([hidden])", HTMLElement);
/** @param {HTMLElement} tile */
const number = (tile) => tile.id.replace("picture-", "");

// -- moving

/** @type {Promise<void>} */
let queue = Promise.resolve(); // one after the other, in the order of the moves

/**
 * @param {HTMLElement} tile
 * @param {HTMLElement} other
 * @param {boolean} after
 */
function move(tile, other, after) {
  const place = grid();
  if (!place || other === tile) return;
  const [parent, next] = [tile.parentNode, tile.nextSibling];
  const inside = tile.contains(document.activeElement) ? focused() : null;
  if (after) other.after(tile);
  else other.before(tile);
  inside?.focus({ preventScroll: true });
  tile.scrollIntoView({ block: "nearest" });
  const all = tilesOf(place);
  announce(gettext("Moved to place %(place)s of %(all)s shown.", { place: all.indexOf(tile) + 1, all: all.length }));
  queue = queue
    .then(() => save(place, tile, other, after))
    .catch((problem) => {
      parent?.insertBefore(tile, next?.parentNode === parent ? next : null);
      toast(explain(problem, gettext("You seem to be offline. It is back in its place.")), "error");
    });
}

/**
 * @param {HTMLElement} place
 * @param {HTMLElement} tile
 * @param {HTMLElement} other
 * @param {boolean} after
 */
async function save(place, tile, other, after) {
  const data = new FormData();
  data.append("csrfmiddlewaretoken", csrfToken());
  data.append("what", after ? "after" : "before");
  data.append("of", number(other));
  const url = (place.dataset.arrange ?? "").replace("/0/", `/${number(tile)}/`);
  const answer = await fetch(url, { method: "POST", body: data, headers: { Accept: "application/json" } });
  if (answer.redirected) location.reload();
  else if (answer.status === 409) throw new Error((await answer.json()).said);
  else if (!answer.ok) throw new Error(gettext("It could not be moved. Reload the page and try again."));
}

/**
 * The one that stands `by` places further, null beyond either end.
 * @template T
 * @param {T[]} all
 * @param {T} one
 * @param {number} by
 * @returns {T | null}
 */
export const neighbourOf = (all, one, by) => all[all.indexOf(one) + by] ?? null;

/**
 * @param {HTMLElement} tile
 * @param {number} by
 */
function step(tile, by) {
  const place = grid();
  const other = place && neighbourOf(tilesOf(place), tile, by);
  if (other) move(tile, other, by > 0);
  else announce(by > 0 ? gettext("This is the last one.") : gettext("This is the first one."));
}

// -- by keys, on the tile with the focus

/**
 * How many places an arrow key moves a tile; 0 for other keys.
 * @param {string} key
 */
export function stepOf(key) {
  if (key === "ArrowLeft" || key === "ArrowUp") return -1;
  return key === "ArrowRight" || key === "ArrowDown" ? 1 : 0;
}

/** @param {KeyboardEvent} event */
function moveByKey(event) {
  if (!event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
  const by = stepOf(event.key);
  const tile = closest(event.target, ".tiles[data-arrange] .tile", HTMLElement);
  if (!by || !tile) return;
  event.preventDefault();
  step(tile, by);
}

// -- the mode in which tiles are moved instead of opened

const isOn = () => Boolean(grid()?.hasAttribute("data-arranging"));

/**
 * @param {string} label
 * @param {string} name
 * @param {Node} icon
 * @param {number} by
 */
function button(label, name, icon, by) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "btn";
  made.dataset.move = String(by);
  made.setAttribute("aria-label", `${label}: ${name}`);
  made.title = label;
  made.append(icon);
  return made;
}

/**
 * The icons are those that the page has already: the same sprite, another name.
 * @param {string} name
 */
function icon(name) {
  const copy = need(document, "[data-arrange-switch] .icon", SVGElement).cloneNode(true);
  const use = copy instanceof Element ? need(copy, "use", SVGUseElement) : null;
  use?.setAttribute("href", (use.getAttribute("href") ?? "").replace(/#.*/, `#${name}`));
  return copy;
}

/** @param {HTMLElement} place */
function equip(place) {
  for (const tile of tilesOf(place)) {
    if (tile.querySelector(".tile-move")) continue;
    const tools = document.createElement("div");
    tools.className = "tile-move";
    const handle = document.createElement("span");
    handle.className = "tile-handle";
    handle.append(icon("grip-vertical"));
    const name = need(tile, "img", HTMLImageElement).alt;
    tools.append(
      button(gettext("Move forward"), name, icon("arrow-left"), -1),
      handle,
      button(gettext("Move back"), name, icon("arrow-right"), 1),
    );
    tile.append(tools);
  }
}

/** @param {boolean} on */
function turn(on) {
  const place = grid();
  if (!place) return;
  place.toggleAttribute("data-arranging", on);
  for (const one of findAll(document, "[data-arrange-switch]", HTMLElement)) {
    one.setAttribute("aria-pressed", String(on));
    if (one.lastChild) one.lastChild.textContent = on ? gettext("Done") : gettext("Arrange");
  }
  if (on) equip(place);
  else for (const tools of place.querySelectorAll(".tile-move")) tools.remove();
  announce(
    on ? gettext("Arranging. Drag pictures, or move them with Alt and the arrow keys.") : gettext("Done arranging."),
  );
}

/** @param {MouseEvent} event */
function press(event) {
  if (closest(event.target, "[data-arrange-switch]", HTMLElement)) {
    turn(!isOn());
    return;
  }
  const tile = isOn() && closest(event.target, TILE, HTMLElement);
  if (!tile) return;
  const by = closest(event.target, "[data-move]", HTMLElement)?.dataset.move;
  // A press on the picture would open it.
  if (by || closest(event.target, ".pic-link", HTMLElement)) event.preventDefault();
  if (by) step(tile, Number(by));
}

// -- by dragging

/** @typedef {{ tile: HTMLElement, after: boolean }} Target */
/** @typedef {{ tile: HTMLElement, from: { x: number, y: number, scroll: number }, x: number, y: number,
 *   pointer: number, moving: boolean, found: Target | null, frame: number }} Drag */

/** @type {Drag | null} */
let drag = null;

/**
 * Which way the window scrolls while something is dragged near its edge: 1 down, -1 up, 0 not.
 * @param {number} y
 * @param {number} height
 */
export function scrollDirection(y, height) {
  if (y > height - EDGE) return 1;
  return y < EDGE ? -1 : 0;
}

/**
 * @param {HTMLElement} dragged
 * @param {number} x
 * @param {number} y
 * @returns {Target | null}
 */
function targetAt(dragged, x, y) {
  const tile = closest(document.elementFromPoint(x, y), TILE, HTMLElement);
  if (!tile || tile === dragged) return null;
  const box = tile.getBoundingClientRect();
  return { tile, after: x > box.left + box.width / 2 };
}

/** @param {Target | null} found */
function mark(found) {
  for (const one of grid()?.querySelectorAll("[data-drop]") ?? []) one.removeAttribute("data-drop");
  if (found) found.tile.dataset.drop = found.after ? "after" : "before";
}

function follow() {
  if (!drag?.moving) return;
  const way = scrollDirection(drag.y, innerHeight);
  if (way) scrollBy({ top: 14 * way, behavior: "instant" });
  const [right, below] = [drag.x - drag.from.x, drag.y - drag.from.y + (scrollY - drag.from.scroll)];
  drag.tile.style.transform = `translate(${right}px, ${below}px) scale(0.5)`;
  drag.found = targetAt(drag.tile, drag.x, drag.y);
  mark(drag.found);
  drag.frame = requestAnimationFrame(follow);
}

/** @param {boolean} keep */
function drop(keep) {
  if (!drag) return;
  const { tile, found, frame, moving, pointer } = drag;
  drag = null;
  cancelAnimationFrame(frame);
  if (tile.hasPointerCapture(pointer)) tile.releasePointerCapture(pointer);
  [tile.style.transform, tile.style.transformOrigin] = ["", ""];
  tile.removeAttribute("data-dragged");
  mark(null);
  if (keep && moving && found) move(tile, found.tile, found.after);
}

/** @param {PointerEvent} event */
function pick(event) {
  const tile = isOn() && closest(event.target, TILE, HTMLElement);
  if (!tile || event.button || closest(event.target, "button, label, input", HTMLElement)) return;
  // A finger on the picture scrolls the page; on the handle it moves the picture.
  if (event.pointerType === "touch" && !closest(event.target, ".tile-handle", HTMLElement)) return;
  event.preventDefault();
  const from = { x: event.clientX, y: event.clientY, scroll: scrollY };
  drag = { tile, from, x: from.x, y: from.y, pointer: event.pointerId, moving: false, found: null, frame: 0 };
}

/** @param {PointerEvent} event */
function pull(event) {
  if (!drag || event.pointerId !== drag.pointer) return;
  [drag.x, drag.y] = [event.clientX, event.clientY];
  if (drag.moving || Math.hypot(drag.x - drag.from.x, drag.y - drag.from.y) < DRAG) return;
  drag.moving = true;
  drag.tile.setPointerCapture(drag.pointer);
  const box = drag.tile.getBoundingClientRect();
  // Smaller, and under the pointer, so that the others are seen.
  drag.tile.style.transformOrigin = `${drag.from.x - box.left}px ${drag.from.y - box.top}px`;
  drag.tile.setAttribute("data-dragged", "");
  follow();
}

/** @param {KeyboardEvent} event */
function giveUp(event) {
  if (event.key !== "Escape") return;
  if (drag) drop(false);
  else if (isOn() && !document.querySelector("dialog[open]") && !isTyping(event.target)) turn(false);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// What was moved to behind the last one that is shown comes once more with the next page, which begins where it did.
function dropDoubles() {
  const seen = new Set();
  for (const tile of document.querySelectorAll(".tiles .tile[id]")) {
    if (seen.has(tile.id)) tile.remove();
    seen.add(tile.id);
  }
}

export function start() {
  document.addEventListener("keydown", moveByKey);
  onContent((root) => {
    for (const one of findAll(root, "[data-arrange-switch][hidden]", HTMLElement)) one.hidden = false;
    const place = grid();
    if (place && isOn()) equip(place);
  });
  document.addEventListener("click", press, true);
  document.addEventListener("pointerdown", pick);
  document.addEventListener("pointermove", pull);
  document.addEventListener("pointerup", (event) => event.pointerId === drag?.pointer && drop(true));
  document.addEventListener("pointercancel", (event) => event.pointerId === drag?.pointer && drop(false));
  document.addEventListener("dragstart", (event) => {
    if (isOn() && closest(event.target, ".tile", HTMLElement)) event.preventDefault();
  });
  document.addEventListener("keydown", giveUp, true);
  document.addEventListener("htmx:after:swap", dropDoubles);
}
