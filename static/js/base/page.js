// What several modules need: run something now and again after every swap, and speak to a screen reader.

export function onContent(run) {
  run(document);
  document.addEventListener("htmx:after:settle", (event) => {
    // An outerHTML swap settles on the new element, so look from its parent.
    run(event.target.parentElement ?? document);
  });
}

export function announce(text) {
  const region = document.getElementById("live");
  if (region) region.textContent = text;
}

export const isTyping = (element) =>
  element instanceof HTMLElement &&
  (element.isContentEditable ||
    element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])"));
