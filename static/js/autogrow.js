// Textareas grow with what is written; CSS does it (field-sizing) where it can.
import { onContent } from "./page.js";

if (!CSS.supports("field-sizing", "content")) {
  const grow = (area) => {
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight + 2}px`;
  };
  onContent((root) => root.querySelectorAll("textarea[data-autogrow]").forEach(grow));
  document.addEventListener("input", (event) => {
    if (event.target.matches?.("textarea[data-autogrow]")) grow(event.target);
  });
}
