// A gallery's order by hand: tiles are dragged, or moved by Alt and the arrow keys, or by their buttons. Each move is
// one request, and what the server refuses is moved back.
import { announce, isTyping, onContent } from "../base/page.js";
import { toast } from "../base/toasts.js";

const grid = () => document.querySelector(".tiles[data-arrange]");
const tilesOf = (place) => [...place.querySelectorAll(".tile:not([hidden])")];
const number = (tile) => tile.id.replace("picture-", "");
const EDGE = 70; // pixels from the window's edge where it scrolls by itself
let queue = Promise.resolve(); // one after the other, in the order of the moves

// -- moving

function put(tile, other, after) {
  if (after) other.after(tile);
  else other.before(tile);
}

function move(tile, other, after) {
  const place = grid();
  if (!place || !other || other === tile) return;
  const [parent, next] = [tile.parentNode, tile.nextSibling];
  const focused = tile.contains(document.activeElement) ? document.activeElement : null;
  put(tile, other, after);
  focused?.focus({ preventScroll: true });
  tile.scrollIntoView({ block: "nearest" });
  const all = tilesOf(place);
  announce(`Moved to place ${all.indexOf(tile) + 1} of ${all.length} shown.`);
  queue = queue
    .then(() => save(place, tile, other, after))
    .catch((problem) => {
      parent.insertBefore(tile, next?.parentNode === parent ? next : null);
      toast(
        problem instanceof TypeError ? "You seem to be offline. It is back in its place." : problem.message,
        "error",
      );
    });
}

async function save(place, tile, other, after) {
  const data = new FormData();
  data.append("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
  data.append("what", after ? "after" : "before");
  data.append("of", number(other));
  const url = place.dataset.arrange.replace("/0/", `/${number(tile)}/`);
  const answer = await fetch(url, { method: "POST", body: data, headers: { Accept: "application/json" } });
  if (answer.redirected) return location.reload();
  if (answer.ok) return;
  const told =
    answer.status === 409 ? (await answer.json()).said : "It could not be moved. Reload the page and try again.";
  throw new Error(told);
}

function step(tile, by) {
  const all = tilesOf(grid());
  const other = all[all.indexOf(tile) + by];
  if (other) move(tile, other, by > 0);
  else announce(by > 0 ? "This is the last one." : "This is the first one.");
}

// -- by keys, on the tile with the focus

document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
  const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  const tile = event.target.closest?.(".tiles[data-arrange] .tile");
  if (!by || !tile) return;
  event.preventDefault();
  step(tile, by);
});

// -- the mode in which tiles are moved instead of opened

const isOn = () => Boolean(grid()?.hasAttribute("data-arranging"));

function button(label, name, icon, by) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "btn";
  made.dataset.move = by;
  made.setAttribute("aria-label", `${label}: ${name}`);
  made.title = label;
  made.append(icon.cloneNode(true));
  return made;
}

// The icons are those that the page has already: the same sprite, another name.
function icon(name) {
  const copy = document.querySelector("[data-arrange-switch] .icon").cloneNode(true);
  const use = copy.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
  return copy;
}

function equip() {
  for (const tile of tilesOf(grid())) {
    if (tile.querySelector(".tile-move")) continue;
    const tools = document.createElement("div");
    tools.className = "tile-move";
    const handle = document.createElement("span");
    handle.className = "tile-handle";
    handle.append(icon("grip-vertical"));
    const name = tile.querySelector("img").alt;
    tools.append(
      button("Move forward", name, icon("arrow-left"), -1),
      handle,
      button("Move back", name, icon("arrow-right"), 1),
    );
    tile.append(tools);
  }
}

function turn(on) {
  const place = grid();
  place.toggleAttribute("data-arranging", on);
  for (const one of document.querySelectorAll("[data-arrange-switch]")) {
    one.setAttribute("aria-pressed", String(on));
    one.lastChild.textContent = on ? "Done" : "Arrange";
  }
  if (on) equip();
  else for (const tools of place.querySelectorAll(".tile-move")) tools.remove();
  announce(on ? "Arranging. Drag pictures, or move them with Alt and the arrow keys." : "Done arranging.");
}

onContent((root) => {
  for (const one of root.querySelectorAll("[data-arrange-switch][hidden]")) one.hidden = false;
  if (isOn()) equip();
});

document.addEventListener(
  "click",
  (event) => {
    if (event.target.closest?.("[data-arrange-switch]")) return turn(!isOn());
    const tile = isOn() && event.target.closest?.(".tiles[data-arranging] .tile");
    if (!tile) return;
    const by = event.target.closest("[data-move]")?.dataset.move;
    // A press on the picture would open it.
    if (by || event.target.closest(".pic-link")) event.preventDefault();
    if (by) step(tile, Number(by));
  },
  true,
);

// -- by dragging

let drag = null;

function target(x, y) {
  const tile = document.elementFromPoint(x, y)?.closest(".tiles[data-arranging] .tile");
  if (!tile || tile === drag.tile) return null;
  const box = tile.getBoundingClientRect();
  return { tile, after: x > box.left + box.width / 2 };
}

function mark(found) {
  for (const one of grid()?.querySelectorAll("[data-drop]") ?? []) one.removeAttribute("data-drop");
  if (found) found.tile.dataset.drop = found.after ? "after" : "before";
}

function follow() {
  if (!drag?.moving) return;
  const down = drag.y > innerHeight - EDGE ? 1 : drag.y < EDGE ? -1 : 0;
  if (down) scrollBy({ top: 14 * down, behavior: "instant" });
  const [right, below] = [drag.x - drag.from.x, drag.y - drag.from.y + (scrollY - drag.from.scroll)];
  drag.tile.style.transform = `translate(${right}px, ${below}px) scale(0.5)`;
  drag.found = target(drag.x, drag.y);
  mark(drag.found);
  drag.frame = requestAnimationFrame(follow);
}

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

document.addEventListener("pointerdown", (event) => {
  const tile = isOn() && event.target.closest?.(".tiles[data-arranging] .tile");
  if (!tile || event.button || event.target.closest("button, label, input")) return;
  // A finger on the picture scrolls the page; on the handle it moves the picture.
  if (event.pointerType === "touch" && !event.target.closest(".tile-handle")) return;
  event.preventDefault();
  const from = { x: event.clientX, y: event.clientY, scroll: scrollY };
  drag = { tile, from, x: from.x, y: from.y, pointer: event.pointerId, moving: false };
});

document.addEventListener("pointermove", (event) => {
  if (!drag || event.pointerId !== drag.pointer) return;
  [drag.x, drag.y] = [event.clientX, event.clientY];
  if (drag.moving || Math.hypot(drag.x - drag.from.x, drag.y - drag.from.y) < 6) return;
  drag.moving = true;
  drag.tile.setPointerCapture(drag.pointer);
  const box = drag.tile.getBoundingClientRect();
  // Smaller, and under the pointer, so that the others are seen.
  drag.tile.style.transformOrigin = `${drag.from.x - box.left}px ${drag.from.y - box.top}px`;
  drag.tile.setAttribute("data-dragged", "");
  follow();
});

document.addEventListener("pointerup", (event) => event.pointerId === drag?.pointer && drop(true));
document.addEventListener("pointercancel", (event) => event.pointerId === drag?.pointer && drop(false));
document.addEventListener("dragstart", (event) => isOn() && event.target.closest?.(".tile") && event.preventDefault());
document.addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape") return;
    if (drag) drop(false);
    else if (isOn() && !document.querySelector("dialog[open]") && !isTyping(event.target)) turn(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  },
  true,
);

// What was moved to behind the last one that is shown comes once more with the next page, which begins where it did.
document.addEventListener("htmx:after:swap", () => {
  const seen = new Set();
  for (const tile of document.querySelectorAll(".tiles .tile[id]")) {
    if (seen.has(tile.id)) tile.remove();
    seen.add(tile.id);
  }
});
