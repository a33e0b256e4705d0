// When the button that has the focus is swapped away, the focus goes to what took its place, not to the page's top.
import { closest, focused, need } from "./dom.js";

export function start() {
  /** @type {{ card: HTMLElement, next: Element | null } | null} */
  let lost = null;

  document.addEventListener("htmx:before:swap", () => {
    const card = closest(focused(), "article, .tile", HTMLElement);
    lost = card && { card, next: card.nextElementSibling ?? card.previousElementSibling };
  });

  document.addEventListener("htmx:after:swap", () => {
    if (!lost || (document.activeElement && document.activeElement !== document.body)) return;
    const { card, next } = lost;
    lost = null;
    const beside = next instanceof HTMLElement && next.isConnected ? next : null;
    const place = document.getElementById(card.id) ?? beside ?? need(document, "#main", HTMLElement);
    if (!place.hasAttribute("tabindex")) place.tabIndex = -1;
    place.focus({ preventScroll: true });
  });
}
