// The composer: prompts that fill themselves in, their length, the sheet on a phone, size shapes.
import { onContent } from "../base/page.js";

const phone = matchMedia("(width < 50rem)");
const composer = document.getElementById("composer");

export function openComposer() {
  if (!composer) return false;
  if (phone.matches && composer.popover && !composer.matches(":popover-open")) composer.showPopover();
  const prompt = document.getElementById("id_prompt");
  prompt?.focus();
  prompt?.setSelectionRange(prompt.value.length, prompt.value.length);
  return Boolean(prompt);
}

export function closeComposer() {
  if (composer?.matches(":popover-open")) composer.hidePopover();
}

export function fillPrompt(text) {
  const prompt = document.getElementById("id_prompt");
  if (!prompt) return false;
  prompt.value = text;
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
  openComposer();
  return true;
}

// How long the prompt is, and how long the chosen model lets it be.
function showLength() {
  const prompt = document.getElementById("id_prompt");
  const shown = document.getElementById("prompt-length");
  if (!prompt || !shown) return;
  const most = Number(document.getElementById("model-note")?.dataset.promptLimit) || 4000;
  const length = prompt.value.replaceAll("\r\n", "\n").length;
  shown.hidden = length === 0;
  shown.textContent = `${length.toLocaleString("en")} of ${most.toLocaleString("en")} characters`;
  shown.toggleAttribute("data-over", length > most);
}

// The chosen model is compared with the others, not with itself.
function leaveOutChosen() {
  const chosen = document.getElementById("id_model")?.value;
  for (const row of document.querySelectorAll("[data-compare-with]")) {
    row.hidden = row.dataset.compareWith === chosen;
    if (row.hidden) row.querySelector("input").checked = false;
  }
}

// A little frame in the proportions of each size on offer.
function drawRatios(root) {
  for (const svg of root.querySelectorAll("svg[data-ratio]:not(:has(rect))")) {
    const match = svg.dataset.ratio.match(/(\d+)\s*[x×:]\s*(\d+)/);
    if (!match) {
      svg.remove();
      continue;
    }
    const [width, height] = [Number(match[1]), Number(match[2])];
    const scale = 18 / Math.max(width, height);
    const box = { width: width * scale, height: height * scale };
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    rect.setAttribute("width", box.width);
    rect.setAttribute("height", box.height);
    rect.setAttribute("x", 12 - box.width / 2);
    rect.setAttribute("y", 12 - box.height / 2);
    rect.setAttribute("rx", 2);
    svg.append(rect);
  }
}

// What was wrong last time is not wrong any more.
function forgetErrors() {
  for (const list of composer.querySelectorAll(".errorlist")) list.remove();
  for (const field of composer.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    const described = (field.getAttribute("aria-describedby") ?? "")
      .split(" ")
      .filter((id) => id && !id.endsWith("_error"));
    if (described.length) field.setAttribute("aria-describedby", described.join(" "));
    else field.removeAttribute("aria-describedby");
  }
}

// The options that are on their way were filled with what was chosen when they were asked for: ask again, so that what
// is chosen while one waits for them is not put back.
function askAgain(event) {
  const model = document.getElementById("id_model");
  if (model?.classList.contains("htmx-request") && event.target.closest("#options")) {
    model.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

if (composer) {
  onContent((root) => {
    drawRatios(root);
    showLength();
    leaveOutChosen();
    root.querySelector("[data-focus]")?.focus();
  });
  composer.addEventListener("change", leaveOutChosen);
  composer.addEventListener("input", showLength);
  composer.addEventListener("input", askAgain);
  composer.addEventListener("click", (event) => {
    const target = event.target.closest("[data-remove]")?.dataset.remove;
    if (target) composer.querySelector(target)?.remove();
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    if (sourceElement.id !== "composer-form" || response.status >= 300) return;
    forgetErrors();
    closeComposer();
  });
  if (phone.matches && composer.querySelector("[aria-invalid=true], .errorlist")) openComposer();
}

document.addEventListener("click", (event) => {
  const filler = event.target.closest?.("[data-fill-prompt]");
  if (filler && !event.ctrlKey && !event.metaKey && fillPrompt(filler.dataset.fillPrompt)) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = event.target.closest?.("form");
  if (!form || !event.target.matches("textarea, input, select")) return;
  event.preventDefault();
  form.requestSubmit();
});
