// On a phone, a swipe over a picture goes to the previous or the next one.
const FAR = 56;

for (const stage of document.querySelectorAll("[data-swipe]")) {
  let begun = null;

  stage.addEventListener(
    "touchstart",
    (event) => {
      const { clientX: x, clientY: y } = event.touches[0];
      // Two fingers zoom; and who has zoomed in moves about in the picture.
      begun = event.touches.length === 1 && (window.visualViewport?.scale ?? 1) < 1.05 ? { x, y } : null;
    },
    { passive: true },
  );
  stage.addEventListener("touchend", (event) => {
    if (!begun) return;
    const { clientX, clientY } = event.changedTouches[0];
    const right = clientX - begun.x;
    const down = clientY - begun.y;
    begun = null;
    if (Math.abs(right) < FAR || Math.abs(right) < 2 * Math.abs(down)) return;
    stage.querySelector(right > 0 ? "a[rel=prev]" : "a[rel=next]")?.click();
  });
}
