// Brings many pictures into the library: chosen, dropped or pasted ones, each with its progress.
import { find, findAll, need } from "../base/dom.js";
import { gettext } from "../base/words.js";
import { sendAll } from "../references/upload.js";

/** @param {HTMLFormElement} form */
function equip(form) {
  const input = need(form, "input[type=file]", HTMLInputElement);
  const zone = need(form, "[data-asset-drop]", HTMLElement);
  const progress = need(form, "[data-asset-progress]", HTMLElement);
  for (const element of findAll(form, "[data-without-script]", HTMLElement)) element.hidden = true;

  const where = {
    url: form.action,
    field: "pictures",
    largest: Number(form.dataset.largest),
    more: () => ({ kind: find(form, "[name=kind]:checked", HTMLInputElement)?.value ?? "" }),
  };
  const make = () => {
    const item = document.createElement("li");
    progress.append(item);
    return item;
  };
  /**
   * @param {HTMLElement} item
   * @param {string} html
   */
  const arrived = (item, html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const row = need(item, ".upload-row", HTMLElement);
    const name = row.firstChild?.textContent ?? "";
    row.replaceChildren(holder.content, document.createTextNode(gettext("%(name)s: in your library", { name })));
  };
  const bring = (/** @type {Iterable<File>} */ files) => sendAll(files, where, make, arrived);

  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    input.value = "";
    bring(files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) bring([...event.clipboardData.files]);
  });
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
    bring([...event.dataTransfer.files]);
  });
}

export function start() {
  const form = find(document, "form[data-assets]", HTMLFormElement);
  if (form) equip(form);
}
