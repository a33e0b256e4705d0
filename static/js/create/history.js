// Alt+↑ and Alt+↓ in the prompt walk through one's earlier prompts; past the newest waits what was being typed.
let prompts = null;
let place = -1;
let typed = "";

async function load() {
  const answer = await fetch(document.getElementById("id_prompt").dataset.history, {
    headers: { Accept: "application/json" },
  });
  prompts = answer.ok ? (await answer.json()).prompts : [];
}

document.addEventListener("keydown", async (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey || event.target.id !== "id_prompt") return;
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
  event.preventDefault();
  const prompt = event.target;
  if (!prompts) await load().catch(() => (prompts = null));
  if (!prompts?.length) return;
  if (place < 0) typed = prompt.value;
  place = Math.max(-1, Math.min(prompts.length - 1, place + (event.key === "ArrowUp" ? 1 : -1)));
  prompt.value = place < 0 ? typed : prompts[place];
  prompt.dispatchEvent(new CustomEvent("input", { bubbles: true, detail: "history" }));
  prompt.setSelectionRange(prompt.value.length, prompt.value.length);
});

document.addEventListener("input", (event) => {
  if (event.target.id === "id_prompt" && event.detail !== "history") place = -1;
});
// A prompt that was just sent is the newest one.
document.addEventListener("htmx:after:request", (event) => {
  if (event.detail.ctx.sourceElement.id === "composer-form") [prompts, place] = [null, -1];
});
