// Alt+↑ and Alt+↓ in the prompt walk through the earlier prompts; past the newest waits what was being typed.
import { byId } from "../base/dom.js";

/** A walk through earlier prompts, the newest first. */
export class PromptHistory {
  /** @param {string[]} prompts */
  constructor(prompts) {
    this.prompts = prompts;
    this.place = -1; // before the newest: what is being typed
    this.typed = "";
  }

  /**
   * What the field holds after a step.
   * @param {number} by 1 to an older prompt, -1 to a newer one
   * @param {string} shown what the field holds now
   * @returns {string}
   */
  step(by, shown) {
    if (this.place < 0) this.typed = shown;
    this.place = Math.max(-1, Math.min(this.prompts.length - 1, this.place + by));
    return this.prompts[this.place] ?? this.typed;
  }

  /** The field was typed in: the walk begins anew from there. */
  reset() {
    this.place = -1;
  }
}

/**
 * @param {string} url
 * @returns {Promise<string[]>}
 */
async function load(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  return answer.ok ? (await answer.json()).prompts : [];
}

export function start() {
  /** @type {PromptHistory | null} */
  let walk = null;

  document.addEventListener("keydown", async (event) => {
    const prompt = byId("id_prompt", HTMLTextAreaElement);
    if (event.isComposing || !event.altKey || event.ctrlKey || event.metaKey || event.target !== prompt || !prompt)
      return;
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    if (!walk) {
      // Offline: the next press asks again.
      const prompts = await load(prompt.dataset.history ?? "").catch(() => null);
      if (!prompts) return;
      walk ??= new PromptHistory(prompts);
    }
    if (!walk.prompts.length) return;
    prompt.value = walk.step(event.key === "ArrowUp" ? 1 : -1, prompt.value);
    prompt.dispatchEvent(new CustomEvent("input", { bubbles: true, detail: "history" }));
    prompt.setSelectionRange(prompt.value.length, prompt.value.length);
  });

  document.addEventListener("input", (event) => {
    const isOurs = event instanceof CustomEvent && event.detail === "history";
    if (event.target instanceof HTMLElement && event.target.id === "id_prompt" && !isOurs) walk?.reset();
  });
  // A prompt that was just sent is the newest one.
  document.addEventListener("htmx:after:request", (event) => {
    if (event.detail.ctx.sourceElement.id === "composer-form") walk = null;
  });
}
