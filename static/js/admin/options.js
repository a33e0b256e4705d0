// Adds empty rows to the options of a model; without this, three of them are there.
import { findAll, need } from "../base/dom.js";
import { gettext } from "../base/words.js";

const MOST = 40;

/** @param {HTMLElement} box */
function equip(box) {
  const body = need(box, "tbody", HTMLTableSectionElement);
  const button = Object.assign(document.createElement("button"), {
    type: "button",
    textContent: gettext("Add an option"),
  });
  button.className = "button";
  button.addEventListener("click", () => {
    const place = body.rows.length;
    const row = body.rows[place - 1]?.cloneNode(true);
    if (place >= MOST || !(row instanceof HTMLTableRowElement)) return;
    const fields = [...findAll(row, "input", HTMLInputElement), ...findAll(row, "select", HTMLSelectElement)];
    for (const field of fields) {
      field.name = field.name.replace(/-\d+-/, `-${place}-`);
      field.setAttribute("aria-label", (field.getAttribute("aria-label") ?? "").replace(/\d+$/, String(place + 1)));
      field.value = field instanceof HTMLSelectElement ? "choice" : "";
    }
    body.append(row);
    need(row, "input", HTMLInputElement).focus();
    button.disabled = body.rows.length >= MOST;
  });
  need(box, ".scrolls", HTMLElement).after(button);
}

export function start() {
  for (const box of findAll(document, ".option-rows", HTMLElement)) equip(box);
}
