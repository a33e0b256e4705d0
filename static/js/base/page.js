// What several modules need: run something now and again after every swap, and speak to a screen reader.

/**
 * Runs for the document, and for each part of it that htmx has put there since.
 * @param {(root: ParentNode) => void} run
 */
export function onContent(run) {
  run(document);
  document.addEventListener("htmx:after:settle", (event) => {
    // An outerHTML swap settles on the new element, so look from its parent.
    run((event.target instanceof Element && event.target.parentElement) || document);
  });
}

/** @param {string} text */
export function announce(text) {
  const region = document.getElementById("live");
  if (region) region.textContent = text;
}

/**
 * @param {EventTarget | null} element
 * @returns {element is HTMLElement}
 */
export const isTyping = (element) =>
  element instanceof HTMLElement &&
  (element.isContentEditable ||
    element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])"));

/**
 * What to say of a request that failed; `offline` is for one that got no answer.
 * @param {unknown} problem
 * @param {string} offline
 */
export function explain(problem, offline) {
  if (problem instanceof TypeError) return offline;
  return problem instanceof Error ? problem.message : String(problem);
}
