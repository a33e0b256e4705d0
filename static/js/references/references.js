// The composer's reference pictures: bring, pick, order, name and remove them. Without this they are boxes to untick.
import { byId, closest, find, findAll, need } from "../base/dom.js";
import { announce } from "../base/page.js";
import { toast } from "../base/toasts.js";
import { gettext, ngettext } from "../base/words.js";
import { LARGEST, sendAll } from "./upload.js";

const ITEM = "[data-reference]";

const area = () => byId("references", HTMLElement);
const list = () => byId("reference-list", HTMLElement);
const items = () => findAll(document, `#reference-list ${ITEM}`, HTMLElement);

/**
 * The picture that an address of the studio leads to; "" if it leads to none.
 * @param {string} text addresses, one a line
 */
export const pictureIn = (text) => /\/pictures\/(\d+)\//.exec(text)?.[1] ?? "";

/**
 * A prompt with a name put in at the caret, with spaces where there are none.
 * @param {string} prompt
 * @param {number} at
 * @param {string} name
 */
export function withName(prompt, at, name) {
  const [before, after] = [prompt.slice(0, at), prompt.slice(at)];
  const lead = before && !/\s$/.test(before) ? " " : "";
  const tail = /^\s/.test(after) ? "" : " ";
  const text = `${before}${lead}${name}${tail}`;
  return { prompt: text + after, caret: text.length };
}

/**
 * Those of `wanted` that are not there yet, each once.
 * @param {string[]} wanted
 * @param {string[]} there
 */
export const missingOf = (wanted, there) => [...new Set(wanted)].filter((one) => one && !there.includes(one));

const ids = () => items().map((item) => item.dataset.reference ?? "");

function number() {
  items().forEach((item, index) => {
    const place = index + 1;
    need(item, "[data-reference-name]", HTMLElement).textContent = `@${place}`;
    const [forward, back] = findAll(item, "[data-reference-move]", HTMLElement);
    forward?.setAttribute("aria-label", gettext("Move @%(place)s forward", { place }));
    back?.setAttribute("aria-label", gettext("Move @%(place)s back", { place }));
    find(item, "[data-reference-remove]", HTMLElement)?.setAttribute(
      "aria-label",
      gettext("Remove @%(place)s", { place }),
    );
  });
}

/**
 * The options of a model differ with and without references: ask for them anew when the first comes or the last goes.
 * @param {number} before how many there were
 */
function changed(before) {
  number();
  const place = area();
  const model = find(document, "#composer-form :is(select[name=model], [name=model]:checked)", HTMLElement);
  const isOther = Boolean(before) !== Boolean(items().length);
  (isOther && model ? model : place)?.dispatchEvent(new Event("change", { bubbles: true }));
}

/** @param {string} html */
function append(html) {
  const before = items().length;
  const holder = document.createElement("template");
  holder.innerHTML = html;
  for (const item of findAll(holder.content, ITEM, HTMLElement)) {
    if (!ids().includes(item.dataset.reference ?? "")) list()?.append(item);
  }
  changed(before);
}

/** @param {string[]} wanted */
async function add(wanted) {
  const place = area();
  const missing = missingOf(wanted, ids());
  if (!place || !missing.length) return;
  const query = new URLSearchParams(missing.map((pk) => ["picture", pk]));
  const answer = await fetch(`${place.dataset.items}?${query}`).catch(() => null);
  if (!answer?.ok || answer.redirected) {
    toast(gettext("It could not be added. Reload the page and try again."), "error");
    return;
  }
  append(await answer.text());
  announce(ngettext("One reference picture.", "%(count)s reference pictures.", items().length));
}

/** @param {Iterable<File>} files */
function bring(files) {
  const place = area();
  if (!place) return;
  const where = { url: place.dataset.add ?? "", field: "picture", largest: LARGEST };
  const make = () => {
    const item = document.createElement("li");
    item.className = "reference";
    list()?.append(item);
    return item;
  };
  sendAll(files, where, make, (item, html) => {
    item.remove();
    append(html);
  });
}

/** @param {HTMLElement} item */
function remove(item) {
  const before = items();
  const next = before[before.indexOf(item) + 1] ?? before[before.indexOf(item) - 1];
  item.remove();
  const focus = next && find(next, "[data-reference-remove]", HTMLElement);
  (focus ?? find(document, "#references input[type=file]", HTMLElement))?.focus();
  announce(gettext("Removed."));
  changed(before.length);
}

/**
 * @param {HTMLElement} item
 * @param {number} by
 */
function step(item, by) {
  const all = items();
  const other = all[all.indexOf(item) + by];
  if (!other) return;
  const focused = document.activeElement;
  if (by > 0) other.after(item);
  else other.before(item);
  if (focused instanceof HTMLElement && item.contains(focused)) focused.focus();
  changed(all.length);
  announce(gettext("Now @%(place)s.", { place: items().indexOf(item) + 1 }));
}

/** @param {HTMLElement} item */
function nameIn(item) {
  const prompt = byId("id_prompt", HTMLTextAreaElement);
  if (!prompt) return;
  const made = withName(prompt.value, prompt.selectionStart, `@${items().indexOf(item) + 1}`);
  prompt.value = made.prompt;
  prompt.focus();
  prompt.setSelectionRange(made.caret, made.caret);
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
}

/** @param {MouseEvent} event */
function press(event) {
  const item = closest(event.target, `#reference-list ${ITEM}`, HTMLElement);
  const by = closest(event.target, "[data-reference-move]", HTMLElement)?.dataset.referenceMove;
  if (item && by) step(item, Number(by));
  else if (item && closest(event.target, "[data-reference-remove]", HTMLElement)) remove(item);
  else if (item && closest(event.target, "[data-reference-name]", HTMLElement)) nameIn(item);
  const pick = closest(event.target, "[data-add-reference]", HTMLElement);
  if (!pick || !area() || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  closest(pick, "[popover]", HTMLElement)?.hidePopover();
  toggle(pick, pick.dataset.addReference ?? "");
}

/**
 * In the dialog a second press takes the picture out again.
 * @param {HTMLElement} pick
 * @param {string} pk
 */
async function toggle(pick, pk) {
  const isPicker = Boolean(closest(pick, "#pick-found", HTMLElement));
  const there = items().find((item) => item.dataset.reference === pk);
  if (there && isPicker) {
    const before = items().length;
    there.remove();
    changed(before);
  } else await add([pk]);
  if (isPicker) markPicked();
  else if (ids().includes(pk)) toast(gettext("It goes along as a reference."), "success");
}

function markPicked() {
  const there = ids();
  for (const pick of findAll(document, "#pick-found [data-add-reference]", HTMLElement)) {
    pick.setAttribute("role", "button");
    pick.setAttribute("aria-pressed", String(there.includes(pick.dataset.addReference ?? "")));
  }
}

// -- dragging: files, pictures of the page, and the references themselves

/** @type {HTMLElement | null} */
let dragged = null;

/** @param {DragEvent} event */
const isWelcome = (event) =>
  Boolean(event.dataTransfer?.types.includes("Files")) || Boolean(closest(event.target, "#composer", HTMLElement));

/** @param {DragEvent} event */
function over(event) {
  if (!area()) return;
  if (dragged) {
    const other = closest(event.target, `#reference-list ${ITEM}`, HTMLElement);
    if (other) event.preventDefault();
    if (!other || other === dragged) return;
    const all = items();
    if (all.indexOf(dragged) < all.indexOf(other)) other.after(dragged);
    else other.before(dragged);
  } else if (isWelcome(event) && event.dataTransfer?.types.some((type) => /^(Files|text\/uri-list)$/.test(type))) {
    event.preventDefault();
    area()?.toggleAttribute("data-over", true);
  }
}

/** @param {DragEvent} event */
function drop(event) {
  area()?.removeAttribute("data-over");
  if (!area() || dragged || !event.dataTransfer || !isWelcome(event)) return;
  // A picture of the page that is dragged comes with a file of itself: its address says more.
  const pk = pictureIn(event.dataTransfer.getData("text/uri-list"));
  const files = [...event.dataTransfer.files];
  if (!pk && !files.length) return;
  event.preventDefault();
  if (pk) add([pk]);
  else bring(files);
}

/** @param {KeyboardEvent} event */
function moveByKey(event) {
  const item = event.altKey ? closest(event.target, `#reference-list ${ITEM}`, HTMLElement) : null;
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!item || !by) return;
  event.preventDefault();
  step(item, by);
}

export function start() {
  if (!area()) return;
  document.addEventListener("click", press);
  document.addEventListener("keydown", moveByKey);
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || input.name !== "reference_files" || !input.files?.length) return;
    const files = [...input.files];
    input.value = "";
    bring(files);
  });
  document.addEventListener("paste", (event) => {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    bring([...event.clipboardData.files]);
  });
  document.addEventListener("dragstart", (event) => {
    dragged = closest(event.target, `#reference-list ${ITEM}`, HTMLElement);
    dragged?.toggleAttribute("data-dragged", true);
  });
  document.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.removeAttribute("data-dragged");
    dragged = null;
    changed(items().length);
  });
  document.addEventListener("dragover", over);
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) area()?.removeAttribute("data-over");
  });
  document.addEventListener("drop", drop);
  document.addEventListener("htmx:after:settle", markPicked);
  document.addEventListener("references:restore", (event) => {
    if (event instanceof CustomEvent) add(event.detail);
  });
}
