// Between two answers of the server a progress bar goes on by itself, from what the server knew.
const seen = new WeakMap();

function step() {
  const now = performance.now();
  for (const bar of document.querySelectorAll("progress[data-seconds-left]")) {
    const { secondsLeft, from } = bar.dataset;
    let start = seen.get(bar);
    if (!start || start.key !== `${secondsLeft}/${from}`) {
      start = { key: `${secondsLeft}/${from}`, at: now, from: Number(from) || 0, left: Number(secondsLeft) || 0 };
      seen.set(bar, start);
    }
    const passed = (now - start.at) / 1000;
    const share = start.left > 0 ? Math.min(passed / start.left, 1) : 1;
    bar.value = start.from + (97 - start.from) * share;
    const words = bar.closest("article")?.querySelector("[data-left]");
    if (words) {
      const left = Math.round(start.left - passed);
      const text = left > 0 ? `About ${left} s left` : "Any moment now";
      if (words.textContent !== text) words.textContent = text;
    }
  }
}

setInterval(step, 1000);
document.addEventListener("htmx:after:settle", step);
step();
