// <button data-copy="text"> or <button data-copy-from="#id">
import { closest, find } from "./dom.js";
import { toast } from "./toasts.js";
import { gettext } from "./words.js";

export function start() {
  document.addEventListener("click", async (event) => {
    const button = closest(event.target, "[data-copy], [data-copy-from]", HTMLElement);
    if (!button) return;
    const { copy, copyFrom } = button.dataset;
    const source = copyFrom ? find(document, copyFrom, HTMLElement) : null;
    const text = source ? (source.textContent?.trim() ?? "") : (copy ?? "");
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
