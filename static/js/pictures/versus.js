// A comparison on its stage: one picture alone by its number, and names that stay hidden until one has voted.
import { find, findAll, need } from "../base/dom.js";
import { keysAreOn } from "../base/keys.js";
import { isTyping } from "../base/page.js";

/**
 * An order that does not give away which is which.
 * @param {number} count
 * @param {() => number} random from 0 to 1
 * @returns {number[]} the place of each, from 0
 */
export function shuffled(count, random = Math.random) {
  const places = [...Array(count).keys()];
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [places[last], places[other]] = [places[other], places[last]];
  }
  return places;
}

/** @param {HTMLElement} stage */
const panes = (stage) => findAll(stage, ".pane-box", HTMLElement);

/**
 * The panes as one sees them, from the left.
 * @param {HTMLElement} stage
 */
const inSight = (stage) => panes(stage).sort((one, other) => Number(one.style.order) - Number(other.style.order));

/** @param {HTMLElement} stage */
function number(stage) {
  for (const [place, pane] of inSight(stage).entries()) {
    need(pane, ".pane-number", HTMLElement).textContent = String(place + 1);
  }
}

/**
 * @param {HTMLElement} stage
 * @param {number} place from 0
 */
function showAlone(stage, place) {
  const pane = inSight(stage)[place];
  if (!pane) return false;
  const isShown = "shown" in pane.dataset;
  for (const one of panes(stage)) delete one.dataset.shown;
  if (!isShown) pane.dataset.shown = "";
  stage.toggleAttribute("data-alone", !isShown);
  dispatchEvent(new Event("resize"));
  return true;
}

/** @param {HTMLElement} versus */
function equip(versus) {
  const stage = need(versus, ".versus-stage", HTMLElement);
  const blind = need(versus, "[data-blind]", HTMLInputElement);
  blind.closest("[hidden]")?.removeAttribute("hidden");
  blind.addEventListener("change", () => {
    if (blind.checked) versus.dataset.names = "hidden";
    else delete versus.dataset.names;
    const places = shuffled(panes(stage).length);
    for (const [index, pane] of panes(stage).entries()) {
      pane.style.order = blind.checked ? String(places[index]) : "";
    }
    number(stage);
  });
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!keysAreOn() || isTyping(event.target) || !/^[1-4]$/.test(event.key)) return;
    if (document.querySelector("dialog[open], .menu:popover-open")) return;
    if (showAlone(stage, Number(event.key) - 1)) event.preventDefault();
  });
}

export function start() {
  const versus = find(document, "[data-versus]", HTMLElement);
  if (versus) equip(versus);
}
