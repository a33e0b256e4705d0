// Light, dark or as the device says: at once here, remembered by the server in a cookie.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest?.("form[data-theme-form]");
  const choice = event.submitter?.value;
  if (!form || !choice) return;
  event.preventDefault();
  document.documentElement.dataset.theme = choice;
  for (const button of document.querySelectorAll("form[data-theme-form] button[name=theme]")) {
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
