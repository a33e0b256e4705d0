// A form whose answer is a file leaves the page as it is: say that something comes, and close its dialog.
import { toast } from "../base/toasts.js";

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-takes]") || event.defaultPrevented) return;
  const dialog = event.target.closest("dialog");
  if (!dialog) return;
  // After the browser has read the form.
  setTimeout(() => {
    dialog.close();
    toast(event.target.dataset.takes);
  });
});
