// The composer: prompts that fill themselves in, their length, the sheet on a phone, size shapes.
import { byId, closest, find, findAll, matches, need } from "../base/dom.js";
import { onContent } from "../base/page.js";

const MOST = 4000; // characters, where the model's own limit is not known

const phone = () => matchMedia("(width < 50rem)").matches;
const composer = () => document.getElementById("composer");
const promptField = () => byId("id_prompt", HTMLTextAreaElement);
const modelField = () => byId("id_model", HTMLSelectElement);

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
 * How many characters the server will count.
 * @param {string} text
 */
export const promptLength = (text) => text.replaceAll("\r\n", "\n").length;

// How long the prompt is, and how long the chosen model lets it be.
function showLength() {
  const prompt = promptField();
  const shown = document.getElementById("prompt-length");
  if (!prompt || !shown) return;
  const most = Number(document.getElementById("model-note")?.dataset.promptLimit) || MOST;
  const length = promptLength(prompt.value);
  shown.hidden = length === 0;
  shown.textContent = `${length.toLocaleString("en")} of ${most.toLocaleString("en")} characters`;
  shown.toggleAttribute("data-over", length > most);
}

// The chosen model is compared with the others, not with itself.
function leaveOutChosen() {
  const chosen = modelField()?.value;
  for (const row of findAll(document, "[data-compare-with]", HTMLElement)) {
    row.hidden = row.dataset.compareWith === chosen;
    if (row.hidden) need(row, "input", HTMLInputElement).checked = false;
  }
}

/**
 * The frame that has a size's proportions, in a square of 24 with 3 to spare at each side; null if it names none.
 * @param {string} size such as "1024x768" or "16:9"
 */
export function ratioFrame(size) {
  const match = /(\d+)\s*[x×:]\s*(\d+)/.exec(size);
  if (!match) return null;
  const [across, down] = [Number(match[1]), Number(match[2])];
  const scale = 18 / Math.max(across, down);
  const [width, height] = [across * scale, down * scale];
  return { width, height, x: 12 - width / 2, y: 12 - height / 2 };
}

/** @param {ParentNode} root */
function drawRatios(root) {
  for (const svg of findAll(root, "svg[data-ratio]:not(:has(rect))", SVGElement)) {
    const frame = ratioFrame(svg.dataset.ratio ?? "");
    if (!frame) {
      svg.remove();
      continue;
    }
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ ...frame, rx: 2 })) rect.setAttribute(name, String(value));
    svg.append(rect);
  }
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
  const model = modelField();
  if (model?.classList.contains("htmx-request") && closest(event.target, "#options", HTMLElement)) {
    model.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

/** @param {HTMLElement} place */
function equip(place) {
  onContent((root) => {
    drawRatios(root);
    showLength();
    leaveOutChosen();
    find(root, "[data-focus]", HTMLElement)?.focus();
  });
  place.addEventListener("change", leaveOutChosen);
  place.addEventListener("input", showLength);
  place.addEventListener("input", askAgain);
  place.addEventListener("click", (event) => {
    const target = closest(event.target, "[data-remove]", HTMLElement)?.dataset.remove;
    if (target) place.querySelector(target)?.remove();
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    if (sourceElement.id !== "composer-form" || !response || response.status >= 300) return;
    forgetErrors(place);
    closeComposer();
  });
  if (phone() && place.querySelector("[aria-invalid=true], .errorlist")) openComposer();
}

export function start() {
  const place = composer();
  if (place) equip(place);

  document.addEventListener("click", (event) => {
    const filler = closest(event.target, "[data-fill-prompt]", HTMLElement);
    if (!filler || event.ctrlKey || event.metaKey) return;
    if (fillPrompt(filler.dataset.fillPrompt ?? "")) event.preventDefault();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = closest(event.target, "form", HTMLFormElement);
    if (!form || !matches(event.target, "textarea, input, select")) return;
    event.preventDefault();
    form.requestSubmit();
  });
}
