// Light, dark or as the device says: at once here, remembered by the server in a cookie.
import { closest, findAll } from "./dom.js";

export function start() {
  document.addEventListener("submit", async (event) => {
    const form = closest(event.target, "form[data-theme-form]", HTMLFormElement);
    const choice = event.submitter instanceof HTMLButtonElement ? event.submitter.value : "";
    if (!form || !choice) return;
    event.preventDefault();
    document.documentElement.dataset.theme = choice;
    for (const button of findAll(document, "form[data-theme-form] button[name=theme]", HTMLButtonElement)) {
      button.setAttribute("aria-pressed", String(button.value === choice));
    }
    const body = new FormData(form);
    body.set("theme", choice);
    try {
      await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
    } catch {
      // Offline: the page has changed all the same, only the next one will not know.
    }
  });
}
