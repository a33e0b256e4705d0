// Bringing a picture: choose, drop or paste it, and it opens at once; what is too large is said before it travels.
import { closest, find, findAll, need } from "../base/dom.js";

/**
 * Why a file cannot be opened; "" if it can, as far as the browser knows.
 * @param {{ name: string, type: string, size: number }} file
 * @param {string[]} kinds media types
 * @param {number} largest bytes
 */
export function problemOf(file, kinds, largest) {
  if (file.type && !kinds.includes(file.type)) {
    return `“${file.name}” is no PNG, JPEG or WebP picture. Choose another.`;
  }
  return file.size > largest ? `“${file.name}” is larger than 20 MB. Make it smaller, and choose it again.` : "";
}

/**
 * @param {HTMLElement} zone
 * @param {HTMLFormElement} form
 */
function equip(zone, form) {
  const input = need(zone, "input[type=file]", HTMLInputElement);
  const said = need(zone, "[data-said]", HTMLElement);
  const kinds = input.accept.split(",");

  for (const element of findAll(form, "[data-without-script]", HTMLElement)) element.hidden = true;
  for (const element of findAll(form, "[data-with-script]", HTMLElement)) element.hidden = false;

  const say = (/** @type {string} */ text, wrong = false) => {
    said.textContent = text;
    said.toggleAttribute("data-wrong", wrong);
  };

  const open = () => {
    const file = input.files?.[0];
    if (!file) return;
    const problem = problemOf(file, kinds, Number(zone.dataset.largest));
    if (problem) {
      input.value = "";
      say(problem, true);
      return;
    }
    say(`Opening “${file.name}”…`);
    form.requestSubmit();
  };

  const take = (/** @type {FileList | undefined} */ files) => {
    const file = files?.[0];
    if (!file) return;
    const list = new DataTransfer();
    list.items.add(file);
    input.files = list.files;
    open();
  };

  input.addEventListener("change", open);
  document.addEventListener("paste", (event) => take(event.clipboardData?.files));
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    zone.toggleAttribute("data-over", true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.removeAttribute("data-over");
  });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    zone.removeAttribute("data-over");
    take(event.dataTransfer.files);
  });
  addEventListener("pageshow", () => say(""));
}

export function start() {
  const zone = find(document, "[data-dropzone]", HTMLElement);
  const form = closest(zone, "form", HTMLFormElement);
  if (zone && form) equip(zone, form);
}
