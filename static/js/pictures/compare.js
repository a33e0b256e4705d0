// Two pictures laid over each other, with a slider between them.
import { closest, findAll, need } from "../base/dom.js";
import { onContent } from "../base/page.js";

/** @param {HTMLElement} tools */
function equip(tools) {
  const stage = need(document, `#${tools.dataset.laidOver}`, HTMLElement);
  const range = need(tools, "input[type=range]", HTMLInputElement);
  const first = need(stage, "img", HTMLImageElement);
  tools.hidden = false;
  const ratio = Number(first.getAttribute("width")) / Number(first.getAttribute("height"));
  stage.style.setProperty("--ar", String(ratio || 1));
  const cut = () => stage.style.setProperty("--cut", `${range.value}%`);
  if (!range.dataset.ready) range.addEventListener("input", cut);
  range.dataset.ready = "yes";
  cut();
}

export function start() {
  onContent((root) => {
    root.querySelector("[data-show-switch]")?.removeAttribute("hidden");
    for (const tools of findAll(root, "[data-laid-over]", HTMLElement)) equip(tools);
  });

  document.addEventListener("click", (event) => {
    const button = closest(event.target, "[data-show-as]", HTMLElement);
    if (!button) return;
    for (const one of findAll(document, "[data-show-as]", HTMLElement)) {
      one.setAttribute("aria-pressed", String(one === button));
    }
    const isOver = button.dataset.showAs === "over";
    need(document, "#laid-over", HTMLElement).hidden = !isOver;
    need(document, "#side-by-side", HTMLElement).hidden = isOver;
    dispatchEvent(new Event("resize"));
  });
}
