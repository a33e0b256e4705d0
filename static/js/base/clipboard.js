// <button data-copy="text"> or <button data-copy-from="#id">. With data-copy-now="said" it is copied at once, if the browser
// lets it: right after a press it does.
import { closest, find, findAll } from "./dom.js";
import { onContent } from "./page.js";
import { toast } from "./toasts.js";
import { gettext } from "./words.js";

/** @param {HTMLElement} button */
function read({ dataset: { copy, copyFrom } }) {
  const source = copyFrom ? find(document, copyFrom, HTMLElement) : null;
  return { source, text: source ? (source.textContent?.trim() ?? "") : (copy ?? "") };
}

/** @param {ParentNode} root */
async function copyAtOnce(root) {
  for (const button of findAll(root, "[data-copy-now]", HTMLElement)) {
    const said = button.dataset.copyNow;
    delete button.dataset.copyNow;
    try {
      await navigator.clipboard.writeText(read(button).text);
      toast(said);
    } catch {
      // It is for the button to copy it, then.
    }
  }
}

export function start() {
  onContent(copyAtOnce);
  document.addEventListener("click", async (event) => {
    const button = closest(event.target, "[data-copy], [data-copy-from]", HTMLElement);
    if (!button) return;
    const { source, text } = read(button);
    try {
      await navigator.clipboard.writeText(text);
      toast(gettext("Copied."));
    } catch {
      // No clipboard without HTTPS: select the text instead, so that Ctrl+C is all that is left to do.
      if (source) getSelection()?.selectAllChildren(source);
      toast(source ? gettext("Press Ctrl+C to copy.") : gettext("Copying needs HTTPS."), "error");
    }
  });
}
