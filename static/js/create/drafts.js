// What was typed into the composer outlives a reload, a lost connection and an expired session, in this browser.
const STORE = "lemonstudio.draft";
const KEPT = /^(prompt|model|count|per_line|gallery|compare|opt_)/;
const form = document.getElementById("composer-form");

function keep() {
  const entries = [...new FormData(form)].filter(([name]) => KEPT.test(name));
  localStorage.setItem(STORE, JSON.stringify(entries));
}

function fields(name) {
  return [...form.elements].filter((field) => field.name === name);
}

function set(name, value) {
  for (const field of fields(name)) {
    if (field.type === "checkbox" || field.type === "radio") {
      if (field.value === value || (field.type === "checkbox" && name === "per_line")) field.checked = true;
    } else if (field.tagName !== "SELECT" || [...field.options].some((option) => option.value === value)) {
      field.value = value;
    }
  }
}

// Options belong to a model: those of another one than is shown come with its own, when the server sends them.
function restore(entries) {
  const model = entries.find(([name]) => name === "model")?.[1];
  const select = document.getElementById("id_model");
  const isOther = select && model && select.value !== model && [...select.options].some((one) => one.value === model);
  for (const [name, value] of entries) {
    if (name !== "model" && !(isOther && (name === "count" || name.startsWith("opt_")))) set(name, value);
  }
  if (isOther) {
    const options = document.getElementById("options");
    for (const [name, value] of entries.filter(([one]) => one === "count" || one.startsWith("opt_"))) {
      for (const field of options.querySelectorAll(`[name="${CSS.escape(name)}"]`)) field.remove();
      options.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    select.value = model;
  }
  (isOther ? select : document.getElementById("id_prompt")).dispatchEvent(new Event("change", { bubbles: true }));
  document.getElementById("id_prompt").dispatchEvent(new Event("input", { bubbles: true }));
}

// What the address asks for, and what came back with an error, is newer than any draft.
if (form && !location.search.match(/prompt|remix|template/) && !form.querySelector("[aria-invalid=true], .errorlist")) {
  try {
    const entries = JSON.parse(localStorage.getItem(STORE) ?? "[]");
    if (entries.length && !document.getElementById("id_prompt").value) {
      // htmx is there once the page is.
      addEventListener("load", () => restore(entries), { once: true });
    }
  } catch {
    localStorage.removeItem(STORE);
  }
}
form?.addEventListener("input", keep);
form?.addEventListener("change", keep);
document.addEventListener("htmx:after:settle", (event) => {
  if (form?.contains(event.target)) keep();
});
// On a machine that several people use, nobody finds another one's prompt.
document.querySelector("form[action$='/logout/']")?.addEventListener("submit", () => localStorage.removeItem(STORE));
