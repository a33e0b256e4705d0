// Two pictures laid over each other, with a slider between them.
import { onContent } from "../base/page.js";

onContent((root) => {
  root.querySelector("[data-show-switch]")?.removeAttribute("hidden");
  for (const tools of root.querySelectorAll("[data-laid-over]")) {
    const stage = document.getElementById(tools.dataset.laidOver);
    const range = tools.querySelector("input[type=range]");
    tools.hidden = false;
    const first = stage.querySelector("img");
    stage.style.setProperty("--ar", first.getAttribute("width") / first.getAttribute("height") || 1);
    const cut = () => stage.style.setProperty("--cut", `${range.value}%`);
    if (!range.dataset.ready) range.addEventListener("input", cut);
    range.dataset.ready = "yes";
    cut();
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-show-as]");
  if (!button) return;
  for (const one of document.querySelectorAll("[data-show-as]"))
    one.setAttribute("aria-pressed", String(one === button));
  const isOver = button.dataset.showAs === "over";
  document.getElementById("laid-over").hidden = !isOver;
  document.getElementById("side-by-side").hidden = isOver;
  dispatchEvent(new Event("resize"));
});
