// Short messages. From the server: HX-Trigger: {"toast": {"message": "…", "kind": "error"}}.
import { announce } from "./page.js";

const region = document.getElementById("toasts");

// `act`: {label, run} for a button that does something about it.
export function toast(message, kind = "info", act = null) {
  if (!region || !message) return;
  for (const old of region.children) if (old.dataset.message === message) old.remove();
  while (region.children.length > 2) region.firstElementChild.remove();

  const item = document.createElement("div");
  item.className = `toast toast-${kind}`;
  item.dataset.message = message;
  const text = document.createElement("span");
  text.textContent = message;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn btn-quiet";
  close.textContent = "Close";
  close.addEventListener("click", () => remove(item));
  item.append(text);
  if (act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-quiet toast-act";
    button.textContent = act.label;
    button.addEventListener("click", () => {
      remove(item);
      act.run();
    });
    item.append(button);
  }
  item.append(close);
  region.append(item);

  // Shown anew each time, to lie above a dialog that was opened since.
  if (region.matches(":popover-open")) region.hidePopover();
  region.showPopover();
  announce(message);

  let timer = 0;
  const wait = () => (timer = setTimeout(() => remove(item), kind === "error" || act ? 9000 : 5000));
  item.addEventListener("pointerenter", () => clearTimeout(timer));
  item.addEventListener("pointerleave", wait);
  item.addEventListener("focusin", () => clearTimeout(timer));
  item.addEventListener("focusout", wait);
  wait();
}

function remove(item) {
  item.remove();
  if (!region.childElementCount && region.matches(":popover-open")) region.hidePopover();
}

document.addEventListener("toast", (event) => toast(event.detail?.message ?? event.detail?.value, event.detail?.kind));

document.addEventListener("htmx:error", (event) => {
  const { ctx, error } = event.detail;
  // Only what the network did: no answer came at all.
  if (!ctx || ctx.response || !(error instanceof TypeError || error?.name === "AbortError" || error === "timeout"))
    return;
  toast("You seem to be offline. Your prompt is kept.", "error");
});

document.addEventListener("htmx:response:error", (event) => {
  const { ctx } = event.detail;
  const { status, headers } = ctx.response;
  // 422 and 409 say what is the matter in the page; an answer that brings its own toast needs no second one.
  if (status === 422 || status === 409 || headers.get("HX-Trigger")?.includes("toast")) return;
  // The poll asks again by itself.
  if (ctx.sourceElement.id === "poller") return;
  const said = {
    403: "That is not allowed, or this page is too old. Reload it and try again.",
    404: "That is no longer there.",
    413: "That was too large.",
    429: "That was too quick. Wait a moment and try again.",
  };
  toast(said[status] ?? "Something went wrong here. Please try again.", "error");
});
