// A look at the password being typed, instead of having it typed twice.
import { findAll } from "./dom.js";
import { gettext } from "./words.js";

export function start() {
  for (const input of findAll(document, "input[type=password]", HTMLInputElement)) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "reveal";
    button.textContent = gettext("Show");
    button.addEventListener("click", () => {
      const hidden = input.type === "password";
      input.type = hidden ? "text" : "password";
      button.textContent = hidden ? gettext("Hide") : gettext("Show");
    });
    input.after(button);
  }
}
