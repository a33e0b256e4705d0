// Lists of pictures: the size of the tiles, arrow keys between them, and the way back to the one that was opened.
import { closest, find, findAll, matches, need } from "../base/dom.js";
import { announce, isTyping } from "../base/page.js";

// -- the size of the tiles, kept in a cookie so that the server draws it

/**
 * @param {string} size
 * @param {boolean} isSecure
 */
export const sizeCookie = (size, isSecure) =>
  `tiles=${size}; Path=/; Max-Age=31536000; SameSite=Lax${isSecure ? "; Secure" : ""}`;

/** @param {Event} event */
function resizeTiles({ target }) {
  const place = tiles();
  if (!(target instanceof HTMLInputElement) || target.id !== "tile-size" || !place) return;
  place.dataset.size = target.value;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing without HTTPS, where a studio may run
  document.cookie = sizeCookie(target.value, location.protocol === "https:");
}

// -- the place in a list: which picture was opened, and how far down it stood

const PLACE = "lemonstudio.place";
const here = () => location.pathname + location.search;
const tiles = () => find(document, ".finder .tiles", HTMLElement);

/** @typedef {{ url: string, id: string, top: number }} Place `top` in pixels from the window's */

/** @param {HTMLElement} tile */
export function remember(tile) {
  // Over the list, the address is the picture’s.
  const url = history.state?.lightbox ? (remembered()?.url ?? here()) : here();
  /** @type {Place} */
  const place = { url, id: tile.id, top: tile.getBoundingClientRect().top };
  sessionStorage.setItem(PLACE, JSON.stringify(place));
}

export const forgetPlace = () => sessionStorage.removeItem(PLACE);

/** @returns {Place | null} */
function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
  } catch {
    return null;
  }
}

function restorePlace() {
  const place = remembered();
  if (document.querySelector(".viewer")) {
    // The list that one came from, with all that was loaded of it.
    if (place) document.querySelector(".stage-nav .back")?.setAttribute("href", place.url);
    return;
  }
  if (!place || !tiles() || place.url !== here()) {
    if (!tiles()) forgetPlace();
    return;
  }
  forgetPlace();
  const tile = document.getElementById(place.id);
  if (!tile) return;
  const settle = () => scrollBy({ top: tile.getBoundingClientRect().top - place.top, behavior: "instant" });
  find(tile, ".pic-link", HTMLElement)?.focus({ preventScroll: true });
  settle();
  // A browser that restores the scroll position by itself does so later, by where things were.
  addEventListener("load", settle, { once: true });
}

// -- after a search or a filter

/** How things stood when the answer came: it may take away what has the focus.
 * @type {{ byLink: boolean, chip: number, panelIsOpen: boolean } | null} */
let asked = null;

const panel = () => find(document, ".find-more", HTMLDetailsElement);
const chips = () => findAll(document, ".finder .chip", HTMLElement);

/** @param {DocumentEventMap["htmx:before:swap"]} event */
function noteSearch(event) {
  const { sourceElement } = event.detail.ctx;
  asked = null;
  if (!matches(sourceElement, "#find, .found-head a")) return;
  asked = {
    byLink: sourceElement.id !== "find",
    chip: Math.max(
      0,
      chips().findIndex((chip) => chip.isSameNode(sourceElement)),
    ),
    panelIsOpen: Boolean(panel()?.open),
  };
}

function answerSearch() {
  if (!asked) return;
  const { byLink, chip, panelIsOpen } = asked;
  asked = null;
  announce(document.getElementById("found")?.dataset.said ?? "");
  if (!byLink) return;
  const details = panel();
  if (details) details.open = panelIsOpen;
  // The link that was pressed is gone: to the one that stands in its place, else to the search.
  const left = chips();
  const next = left[Math.min(chip, left.length - 1)] ?? document.getElementById("find_q");
  next?.focus({ preventScroll: true });
}

/** @param {DocumentEventMap["htmx:after:request"]} event */
function closeDetails(event) {
  const { sourceElement, response } = event.detail.ctx;
  if (!(sourceElement instanceof HTMLFormElement) || !sourceElement.matches("form[data-closes-details]")) return;
  if (response && response.status >= 300) return;
  const details = closest(sourceElement, "details", HTMLDetailsElement);
  if (!details) return;
  details.open = false;
  find(details, "summary", HTMLElement)?.focus();
  sourceElement.reset();
}

// -- arrow keys from picture to picture

const GRID = ".tiles, #feed";

/** @typedef {{ top: number, bottom: number, left: number, width: number }} Box */

/**
 * The index of the box that is nearest to the side in the next row, which begins where the first box stands clear of
 * this one; -1 if there is none.
 * @param {Box} box
 * @param {Iterable<Box>} others in reading order, away from `box`
 * @param {boolean} down
 */
export function nearest(box, others, down) {
  const middle = box.left + box.width / 2;
  let row = Number.NaN; // the top of the next row, once it is found
  let best = { at: -1, away: Number.POSITIVE_INFINITY };
  let at = -1;
  for (const other of others) {
    at += 1;
    if (down ? other.top < box.bottom - 1 : other.bottom > box.top + 1) continue;
    if (Number.isNaN(row)) row = other.top;
    if (Math.abs(other.top - row) > 2) break;
    const away = Math.abs(other.left + other.width / 2 - middle);
    if (away < best.away) best = { at, away };
  }
  return best.at;
}

/**
 * @param {HTMLElement[]} elements
 * @returns {Generator<Box>} read one by one: measuring all of a long list takes long
 */
function* boxesOf(elements) {
  for (const one of elements) yield one.getBoundingClientRect();
}

/**
 * @param {HTMLElement} tile
 * @param {string} key
 * @returns {HTMLElement | undefined}
 */
function neighbour(tile, key) {
  const grid = tile.closest(GRID);
  if (!grid) return undefined;
  const all = findAll(grid, ".pic", HTMLElement).filter((one) => one.checkVisibility());
  const at = all.indexOf(tile);
  if (key === "ArrowLeft") return all[at - 1];
  if (key === "ArrowRight") return all[at + 1];
  const down = key === "ArrowDown";
  const rest = down ? all.slice(at + 1) : all.slice(0, at).reverse();
  return rest[nearest(tile.getBoundingClientRect(), boxesOf(rest), down)];
}

/** @param {KeyboardEvent} event */
function walk(event) {
  if (event.isComposing || event.defaultPrevented) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (!event.key.startsWith("Arrow") || isTyping(event.target)) return;
  const tile = closest(event.target, `:is(${GRID}) .pic`, HTMLElement);
  const next = tile && neighbour(tile, event.key);
  if (!next) return;
  event.preventDefault();
  need(next, ".pic-link", HTMLElement).focus();
  next.scrollIntoView({ block: "nearest" });
}

export function start() {
  document.addEventListener("input", resizeTiles);
  document.addEventListener("click", (event) => {
    const tile = closest(closest(event.target, ".pic-link", HTMLElement), ".finder .tile", HTMLElement);
    if (tile) remember(tile);
  });
  restorePlace();
  document.addEventListener("htmx:before:swap", noteSearch);
  document.addEventListener("htmx:after:settle", answerSearch);
  document.addEventListener("htmx:after:request", closeDetails);
  document.addEventListener("keydown", walk);
}
