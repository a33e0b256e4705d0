// The composer: prompts that fill themselves in, their length, the sheet on a phone, size shapes.
import { byId, closest, find, findAll, matches, need } from "../base/dom.js";
import { onContent } from "../base/page.js";
import { figure, gettext, ngettext } from "../base/words.js";

const MOST = 4000; // characters, where the model's own limit is not known

const phone = () => matchMedia("(width < 50rem)").matches;
const composer = () => document.getElementById("composer");
const promptField = () => byId("id_prompt", HTMLTextAreaElement);
const models = () => byId("models", HTMLElement);
const chosenModel = () => find(document, "#models [name=model]:checked", HTMLInputElement);

/** Answers whether there is a prompt to write in. */
export function openComposer() {
  const place = composer();
  if (!place) return false;
  if (phone() && place.popover && !place.matches(":popover-open")) place.showPopover();
  const prompt = promptField();
  prompt?.focus();
  prompt?.setSelectionRange(prompt.value.length, prompt.value.length);
  return Boolean(prompt);
}

function closeComposer() {
  const place = composer();
  if (place?.matches(":popover-open")) place.hidePopover();
}

/** @param {string} text */
function fillPrompt(text) {
  const prompt = promptField();
  if (!prompt) return false;
  prompt.value = text;
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
  openComposer();
  return true;
}

/**
 * How many characters the server will count: it counts an emoji once.
 * @param {string} text
 */
export const promptLength = (text) => [...text.replaceAll("\r\n", "\n")].length;

/**
 * What stands between braces becomes one of several choices.
 * @param {string} selected
 */
export const alternatives = (selected) => `{${selected || gettext("red")}|${selected ? "" : gettext("green")}}`;

/** @param {HTMLTextAreaElement} prompt */
function addAlternatives(prompt) {
  const { selectionStart: from, selectionEnd: to, value } = prompt;
  const words = alternatives(value.slice(from, to));
  prompt.setRangeText(words, from, to, "end");
  const typed = from + words.length - 1;
  // What comes next is typed over the example, or after the bar.
  prompt.setSelectionRange(from === to ? from + 1 : typed, typed);
  prompt.focus();
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
}

// How long the prompt is, and how long the chosen model lets it be.
function showLength() {
  const prompt = promptField();
  const shown = document.getElementById("prompt-length");
  if (!prompt || !shown) return;
  const most = Number(document.getElementById("model-note")?.dataset.promptLimit) || MOST;
  const length = promptLength(prompt.value);
  shown.hidden = length < 0.8 * most;
  shown.textContent = gettext("%(length)s of %(most)s characters", { length: figure(length), most: figure(most) });
  shown.toggleAttribute("data-over", length > most);
}

// The chosen model is compared with the others, not with itself.
function leaveOutChosen() {
  const chosen = chosenModel()?.value;
  for (const row of findAll(document, "[data-compare-with]", HTMLElement)) {
    row.hidden = row.dataset.compareWith === chosen;
    if (row.hidden) need(row, "input", HTMLInputElement).checked = false;
  }
}

/** @param {HTMLElement} card @param {string} part */
const textOf = (card, part) => find(card, `[data-${part}]`, HTMLElement)?.textContent?.trim() ?? "";

// The button says which model is chosen, or how many are, as the cards do.
function showChosen() {
  const face = byId("model-face", HTMLElement);
  const place = models();
  if (!face || !place) return;
  const inputs = findAll(place, "[name=model]:checked, [name=compare]:checked", HTMLInputElement);
  const cards = inputs.flatMap((input) => closest(input, ".model-card", HTMLElement) ?? []);
  cards.sort((one, other) => Number(other.contains(chosenModel())) - Number(one.contains(chosenModel())));
  const [first] = cards;
  if (!first) return;
  const names = cards.map((card) => textOf(card, "name"));
  need(face, "[data-face=name]", HTMLElement).textContent =
    names.length > 1 ? ngettext("%(count)s model", "%(count)s models", names.length) : names[0];
  need(face, "[data-face=about]", HTMLElement).textContent =
    names.length > 1 ? names.join(", ") : textOf(first, "about");
  const figures = names.length > 1 ? [] : [...need(first, "[data-figures]", HTMLElement).children];
  need(face, "[data-face=figures]", HTMLElement).replaceChildren(...figures.map((one) => one.cloneNode(true)));
  const samples = cards
    .slice(0, 3)
    .flatMap((card) => find(card, "[data-sample]", HTMLElement)?.firstElementChild ?? []);
  need(face, "[data-face=samples]", HTMLElement).replaceChildren(...samples.map((one) => one.cloneNode(true)));
}

// Whether the folded options are open, across the options of several models.
let isMoreOpen = false;

// The folded options tell their values.
function showMore() {
  const more = byId("more", HTMLDetailsElement);
  const said = more && find(more, "[data-more]", HTMLElement);
  if (!more || !said) return;
  const chosen = findAll(more, ".choice:has(:checked)", HTMLElement).map((one) => one.textContent?.trim() ?? "");
  const gallery = find(more, "select[name=gallery]", HTMLSelectElement);
  const lists = findAll(more, "select:not([name=gallery])", HTMLSelectElement);
  chosen.push(...lists.map((list) => list.selectedOptions[0]?.textContent?.trim() ?? ""));
  const name = gallery?.value ? gallery.selectedOptions[0]?.textContent?.trim() : "";
  said.textContent = [
    ...chosen.filter(Boolean),
    name ? gettext("in %(gallery)s", { gallery: name }) : gettext("not in a gallery"),
  ].join(" · ");
}

/**
 * What describes a field, without its error.
 * @param {string} ids the value of aria-describedby
 */
export const withoutErrors = (ids) =>
  ids
    .split(" ")
    .filter((id) => id && !id.endsWith("_error"))
    .join(" ");

/**
 * What was wrong last time is not wrong any more.
 * @param {HTMLElement} place
 */
function forgetErrors(place) {
  for (const list of place.querySelectorAll(".errorlist")) list.remove();
  for (const field of place.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    const described = withoutErrors(field.getAttribute("aria-describedby") ?? "");
    if (described) field.setAttribute("aria-describedby", described);
    else field.removeAttribute("aria-describedby");
  }
}

/**
 * The options that are on their way were filled with what was chosen when they were asked for: ask again, so that what
 * is chosen while one waits for them is not put back.
 * @param {Event} event
 */
function askAgain(event) {
  if (models()?.classList.contains("htmx-request") && closest(event.target, "#options", HTMLElement)) {
    chosenModel()?.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

function showAll() {
  leaveOutChosen();
  showChosen();
  showMore();
}

/** @param {Event} event */
function rememberMore(event) {
  if (event.target instanceof HTMLDetailsElement && event.target.id === "more") isMoreOpen = event.target.open;
}

/** @param {Event} event */
function enterModels(event) {
  if (event.target === models() && models()?.matches(":popover-open")) chosenModel()?.focus();
}

/**
 * Enter in a choice or a line would send the form, which costs money; among the models it picks the one that has the
 * focus. Ctrl+Enter sends.
 * @param {KeyboardEvent} event
 */
function pressEnter(event) {
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || !(event.target instanceof HTMLInputElement)) return;
  event.preventDefault();
  if (matches(event.target, "#models [name=model]")) models()?.hidePopover();
}

/** @param {HTMLElement} place */
function equip(place) {
  onContent((root) => {
    showLength();
    showAll();
    const more = byId("more", HTMLDetailsElement);
    if (more && isMoreOpen) more.open = true;
    find(root, "[data-focus]", HTMLElement)?.focus();
  });
  place.addEventListener("change", showAll);
  place.addEventListener("toggle", rememberMore, { capture: true });
  place.addEventListener("toggle", enterModels, { capture: true });
  place.addEventListener("keydown", pressEnter);
  place.addEventListener("input", showLength);
  place.addEventListener("input", askAgain);
  place.addEventListener("click", (event) => {
    const target = closest(event.target, "[data-remove]", HTMLElement)?.dataset.remove;
    if (target) place.querySelector(target)?.remove();
    const prompt = promptField();
    if (prompt && closest(event.target, "[data-alternatives]", HTMLElement)) addAlternatives(prompt);
    // A key that moves through the models is a click, too, but one without a place.
    if (event.detail && matches(event.target, "#models [name=model]")) models()?.hidePopover();
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    if (sourceElement.id !== "composer-form" || !response || response.status >= 300) return;
    forgetErrors(place);
    closeComposer();
  });
  // Where there is a mouse there is a keyboard, and the page begins at its prompt.
  if (!phone() && matchMedia("(hover: hover)").matches && document.activeElement === document.body) {
    promptField()?.focus({ preventScroll: true });
  }
  if (phone() && place.querySelector("[aria-invalid=true], .errorlist")) openComposer();
}

export function start() {
  const place = composer();
  if (place) equip(place);

  document.addEventListener("click", (event) => {
    // The dock on a phone: one tap, and one types.
    if (closest(event.target, ".dock", HTMLElement)) openComposer();
    const filler = closest(event.target, "[data-fill-prompt]", HTMLElement);
    if (!filler || event.ctrlKey || event.metaKey) return;
    if (fillPrompt(filler.dataset.fillPrompt ?? "")) event.preventDefault();
  });

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = closest(event.target, "form", HTMLFormElement);
    if (!form || !matches(event.target, "textarea, input, select")) return;
    event.preventDefault();
    form.requestSubmit();
  });
}
