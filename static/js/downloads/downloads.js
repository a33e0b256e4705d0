// A form whose answer is a file leaves the page as it is: say that something comes, and close its dialog.
import { closest } from "../base/dom.js";
import { toast } from "../base/toasts.js";

export function start() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches("form[data-takes]") || event.defaultPrevented) return;
    const dialog = closest(form, "dialog", HTMLDialogElement);
    if (!dialog) return;
    // After the browser has read the form.
    setTimeout(() => {
      dialog.close();
      toast(form.dataset.takes);
    });
  });
}
