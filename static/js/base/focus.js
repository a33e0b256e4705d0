// When the button that has the focus is swapped away, the focus goes to what took its place, not to the page's top.
let lost = null;

document.addEventListener("htmx:before:swap", () => {
  const card = document.activeElement?.closest("article, .tile");
  lost = card && { card, next: card.nextElementSibling ?? card.previousElementSibling };
});

document.addEventListener("htmx:after:swap", () => {
  if (!lost || (document.activeElement && document.activeElement !== document.body)) return;
  const { card, next } = lost;
  lost = null;
  const place = document.getElementById(card.id) ?? (next?.isConnected ? next : document.getElementById("main"));
  if (!place.hasAttribute("tabindex")) place.tabIndex = -1;
  place.focus({ preventScroll: true });
});
