// Lists of pictures: the size of the tiles, arrow keys between them, and the way back to the one that was opened.
import { announce, isTyping } from "../base/page.js";

const PLACE = "lemonstudio.place";
const here = () => location.pathname + location.search;
const tiles = () => document.querySelector(".finder .tiles");

// -- the size of the tiles, kept in a cookie so that the server draws it

document.addEventListener("input", (event) => {
  if (event.target.id !== "tile-size") return;
  tiles().dataset.size = event.target.value;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `tiles=${event.target.value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
});

// -- the place in a list: which picture was opened, and how far down it stood

export function remember(tile) {
  // Over the list, the address is the picture’s.
  const url = history.state?.lightbox ? (remembered()?.url ?? here()) : here();
  const place = { url, id: tile.id, top: tile.getBoundingClientRect().top };
  sessionStorage.setItem(PLACE, JSON.stringify(place));
}

export const forgetPlace = () => sessionStorage.removeItem(PLACE);

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE));
  } catch {
    return null;
  }
}

document.addEventListener("click", (event) => {
  const tile = event.target.closest?.(".pic-link")?.closest(".finder .tile");
  if (tile) remember(tile);
});

function comeBack() {
  const place = remembered();
  if (document.querySelector(".viewer")) {
    // The list that one came from, with all that was loaded of it.
    if (place) document.querySelector(".stage-nav .back")?.setAttribute("href", place.url);
    return;
  }
  if (!place || !tiles() || place.url !== here()) {
    if (!tiles()) sessionStorage.removeItem(PLACE);
    return;
  }
  sessionStorage.removeItem(PLACE);
  const tile = document.getElementById(place.id);
  if (!tile) return;
  const settle = () => scrollBy({ top: tile.getBoundingClientRect().top - place.top, behavior: "instant" });
  tile.querySelector(".pic-link").focus({ preventScroll: true });
  settle();
  // A browser that restores the scroll position by itself does so later, by where things were.
  addEventListener("load", settle, { once: true });
}
comeBack();

// -- after a search or a filter

let asked = null; // how things stood when the answer came: it may take away what has the focus

document.addEventListener("htmx:before:swap", (event) => {
  const { sourceElement } = event.detail.ctx;
  asked = null;
  if (!sourceElement.matches?.("#find, .found-head a")) return;
  const chips = [...document.querySelectorAll(".finder .chip")];
  asked = {
    byLink: sourceElement.id !== "find",
    chip: Math.max(0, chips.indexOf(sourceElement)),
    panelIsOpen: Boolean(document.querySelector(".find-more")?.open),
  };
});

document.addEventListener("htmx:after:settle", () => {
  if (!asked) return;
  const { byLink, chip, panelIsOpen } = asked;
  asked = null;
  announce(document.getElementById("found")?.dataset.said ?? "");
  if (!byLink) return;
  document.querySelector(".find-more").open = panelIsOpen;
  // The link that was pressed is gone: to the one that stands in its place, else to the search.
  const chips = document.querySelectorAll(".finder .chip");
  const next = chips[Math.min(chip, chips.length - 1)] ?? document.getElementById("find_q");
  next.focus({ preventScroll: true });
});

document.addEventListener("htmx:after:request", (event) => {
  const { sourceElement, response } = event.detail.ctx;
  if (!sourceElement.matches?.("form[data-closes-details]") || response?.status >= 300) return;
  const details = sourceElement.closest("details");
  details.open = false;
  details.querySelector("summary").focus();
  sourceElement.reset();
});

// -- arrow keys from picture to picture

const GRID = ".tiles, #feed";

function neighbour(tile, key) {
  const all = [...tile.closest(GRID).querySelectorAll(".pic")].filter((one) => one.checkVisibility());
  const at = all.indexOf(tile);
  if (key === "ArrowLeft") return all[at - 1];
  if (key === "ArrowRight") return all[at + 1];
  const box = tile.getBoundingClientRect();
  const middle = box.left + box.width / 2;
  const down = key === "ArrowDown";
  const rest = down ? all.slice(at + 1) : all.slice(0, at).reverse();
  // The nearest of the next row, which begins where the first tile stands clear of this one.
  let row = null;
  let best = null;
  for (const one of rest) {
    const other = one.getBoundingClientRect();
    if (down ? other.top < box.bottom - 1 : other.bottom > box.top + 1) continue;
    row ??= other.top;
    if (Math.abs(other.top - row) > 2) break;
    const away = Math.abs(other.left + other.width / 2 - middle);
    if (!best || away < best.away) best = { one, away };
  }
  return best?.one;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (!event.key.startsWith("Arrow") || isTyping(event.target)) return;
  const tile = event.target.closest?.(`:is(${GRID}) .pic`);
  const next = tile && neighbour(tile, event.key);
  if (!next) return;
  event.preventDefault();
  next.querySelector(".pic-link").focus();
  next.scrollIntoView({ block: "nearest" });
});
