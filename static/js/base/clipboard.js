// <button data-copy="text"> or <button data-copy-from="#id">
import { toast } from "./toasts.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
  const text = source ? source.textContent.trim() : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    // No clipboard without HTTPS: select the text instead, so that Ctrl+C is all that is left to do.
    if (source) getSelection().selectAllChildren(source);
    toast(source ? "Press Ctrl+C to copy." : "Copying needs HTTPS.", "error");
  }
});
