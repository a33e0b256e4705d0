// What was typed into the composer outlives a reload, a lost connection and an expired session, in this browser.
import { byId, find, findAll, need } from "../base/dom.js";

const STORE = "lemonstudio.draft";
const KEPT = /^(prompt|model|count|per_line|gallery|compare|reference|opt_)/;

/** @typedef {[name: string, value: string]} Entry a field of the form */

/**
 * What of a form is kept: no token, no file.
 * @param {Iterable<[string, FormDataEntryValue]>} fields
 * @returns {Entry[]}
 */
export const draftFields = (fields) =>
  [...fields].flatMap(([name, value]) => (KEPT.test(name) && typeof value === "string" ? [[name, value]] : []));

/**
 * What was kept, as it was written; none if it is damaged.
 * @param {string | null} stored
 * @returns {Entry[] | null} null if it cannot be read
 */
export function readDraft(stored) {
  try {
    const entries = JSON.parse(stored ?? "[]");
    return Array.isArray(entries) ? entries : null;
  } catch {
    return null;
  }
}

/**
 * Options belong to a model.
 * @param {string} name
 */
const isOption = (name) => name === "count" || name.startsWith("opt_");

/**
 * Which entries are set at once, and which wait for the options of another model than is shown.
 * @param {Entry[]} entries
 * @param {string} shown the model that is shown
 * @param {string[]} models those on offer
 */
export function planRestore(entries, shown, models) {
  const kept = entries.find(([name]) => name === "model")?.[1];
  const other = kept && kept !== shown && models.includes(kept) ? kept : null;
  return {
    other,
    now: entries.filter(([name]) => name !== "model" && !(other && isOption(name))),
    later: other ? entries.filter(([name]) => isOption(name)) : [],
  };
}

/**
 * What the address asks for is newer than any draft.
 * @param {string} search the address's query
 */
export const asksForPrompt = (search) => /prompt|remix|template|continue/.test(search);

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {string} value
 */
function set(form, name, value) {
  for (const field of form.elements) {
    if (field instanceof HTMLInputElement && field.name === name && /^(checkbox|radio)$/.test(field.type)) {
      if (field.value === value || (field.type === "checkbox" && name === "per_line")) field.checked = true;
    } else if (field instanceof HTMLSelectElement && field.name === name) {
      if ([...field.options].some((option) => option.value === value)) field.value = value;
    } else if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) {
      if (field.name === name) field.value = value;
    }
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {Entry[]} entries
 */
function restore(form, entries) {
  const prompt = need(document, "#id_prompt", HTMLTextAreaElement);
  const models = findAll(form, "[name=model]", HTMLInputElement);
  const shown = models.find((one) => one.checked)?.value ?? "";
  const { other, now, later } = planRestore(
    entries,
    shown,
    models.map((one) => one.value),
  );
  const wanted = models.find((one) => one.value === other);
  for (const [name, value] of now) set(form, name, value);
  const references = now.flatMap(([name, value]) => (name === "reference" ? [value] : []));
  document.dispatchEvent(new CustomEvent("references:restore", { detail: references }));
  if (wanted) {
    // The server sends this model's options filled with what the hidden fields say.
    const options = need(document, "#options", HTMLElement);
    for (const [name, value] of later) {
      for (const field of findAll(options, `[name="${CSS.escape(name)}"]`, HTMLElement)) field.remove();
      options.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    wanted.checked = true;
    wanted.dispatchEvent(new Event("change", { bubbles: true }));
  } else {
    prompt.dispatchEvent(new Event("change", { bubbles: true }));
  }
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
}

/**
 * What of a draft fits a picture that the address brings along: not a model that takes none, nor its options.
 * @param {HTMLFormElement} form
 * @param {Entry[]} entries
 */
function besideReference(form, entries) {
  const model = entries.find(([name]) => name === "model")?.[1] ?? "";
  const takes = form.querySelector(`[data-model="${CSS.escape(model)}"] [data-takes]`);
  return takes ? entries : entries.filter(([name]) => name !== "model" && name !== "compare" && !isOption(name));
}

/** @param {HTMLFormElement} form */
function keepDraft(form) {
  const keep = () => localStorage.setItem(STORE, JSON.stringify(draftFields(new FormData(form))));
  // So is what came back with an error.
  if (!asksForPrompt(location.search) && !form.querySelector("[aria-invalid=true], .errorlist")) {
    const entries = readDraft(localStorage.getItem(STORE));
    if (!entries) localStorage.removeItem(STORE);
    else if (entries.length && !byId("id_prompt", HTMLTextAreaElement)?.value) {
      // htmx is there once the page is.
      const fitting = /[?&]reference=/.test(location.search) ? besideReference(form, entries) : entries;
      addEventListener("load", () => restore(form, fitting), { once: true });
    }
  }
  form.addEventListener("input", keep);
  form.addEventListener("change", keep);
  document.addEventListener("htmx:after:settle", (event) => {
    if (event.target instanceof Node && form.contains(event.target)) keep();
  });
}

export function start() {
  const form = byId("composer-form", HTMLFormElement);
  if (form) keepDraft(form);
  // On a machine that several people use, no one finds another's prompt.
  find(document, "form[action$='/logout/']", HTMLFormElement)?.addEventListener("submit", () =>
    localStorage.removeItem(STORE),
  );
}
