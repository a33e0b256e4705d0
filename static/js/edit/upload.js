// Bringing a picture: choose, drop or paste it, and it opens at once; what is too large is said before it travels.
import { closest, find, findAll, need } from "../base/dom.js";
import { gettext } from "../base/words.js";

/**
 * Whether a file begins as a picture does. Its name and type are only what somebody called it.
 * @param {Uint8Array} bytes the first 32 or so
 */
export function isPicture(bytes) {
  const text = String.fromCharCode(...bytes).replace(/^[ \t\r\n\xef\xbb\xbf]+/, "");
  return /^(\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP|....ftyp)/s.test(text);
}

/**
 * Why a file cannot be opened; "" if it can, as far as the browser knows.
 * @param {{ name: string, size: number }} file
 * @param {Uint8Array} bytes its first 32
 * @param {number} largest bytes
 */
export function problemOf(file, bytes, largest) {
  if (file.size > largest)
    return gettext("“%(name)s” is larger than 20 MB. Make it smaller, and choose it again.", { name: file.name });
  if (isPicture(bytes)) return "";
  return gettext("“%(name)s” is not a picture that can be opened here. Choose a PNG, JPEG, WebP, AVIF or GIF.", {
    name: file.name,
  });
}

/**
 * @param {HTMLElement} zone
 * @param {HTMLFormElement} form
 */
function equip(zone, form) {
  const input = need(zone, "input[type=file]", HTMLInputElement);
  const said = need(zone, "[data-said]", HTMLElement);

  for (const element of findAll(form, "[data-without-script]", HTMLElement)) element.hidden = true;
  for (const element of findAll(form, "[data-with-script]", HTMLElement)) element.hidden = false;

  const say = (/** @type {string} */ text, wrong = false) => {
    said.textContent = text;
    said.toggleAttribute("data-wrong", wrong);
  };

  const open = async () => {
    const file = input.files?.[0];
    if (!file) return;
    const bytes = new Uint8Array(await file.slice(0, 32).arrayBuffer());
    if (input.files?.[0] !== file) return; // another one was chosen meanwhile
    const problem = problemOf(file, bytes, Number(zone.dataset.largest));
    if (problem) {
      input.value = "";
      say(problem, true);
      return;
    }
    say(gettext("Opening “%(name)s”…", { name: file.name }));
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
