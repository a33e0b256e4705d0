// A look at the password being typed, instead of having it typed twice.
import { findAll } from "./dom.js";

export function start() {
  for (const input of findAll(document, "input[type=password]", HTMLInputElement)) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "reveal";
    button.textContent = "Show";
    button.addEventListener("click", () => {
      const hidden = input.type === "password";
      input.type = hidden ? "text" : "password";
      button.textContent = hidden ? "Hide" : "Show";
    });
    input.after(button);
  }
}
