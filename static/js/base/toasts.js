// Short messages. From the server: HX-Trigger: {"toast": {"message": "…", "kind": "error"}}.
import { findAll } from "./dom.js";
import { announce } from "./page.js";
import { gettext } from "./words.js";

const place = () => document.getElementById("toasts");

/**
 * @param {string | null | undefined} message
 * @param {string} kind "info" or "error"
 * @param {{ label: string, run: () => void } | null} act a button that does something about it
 */
export function toast(message, kind = "info", act = null) {
  const region = place();
  if (!region || !message) return;
  for (const old of findAll(region, ":scope > *", HTMLElement)) if (old.dataset.message === message) old.remove();
  while (region.children.length > 2) region.firstElementChild?.remove();

  const item = document.createElement("div");
  item.className = `toast toast-${kind}`;
  item.dataset.message = message;
  const text = document.createElement("span");
  text.textContent = message;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn btn-quiet";
  close.textContent = gettext("Close");
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
  const wait = () => {
    timer = window.setTimeout(() => remove(item), kind === "error" || act ? 9000 : 5000);
  };
  item.addEventListener("pointerenter", () => clearTimeout(timer));
  item.addEventListener("pointerleave", wait);
  item.addEventListener("focusin", () => clearTimeout(timer));
  item.addEventListener("focusout", wait);
  wait();
}

/** @param {HTMLElement} item */
function remove(item) {
  item.remove();
  const region = place();
  if (region && !region.childElementCount && region.matches(":popover-open")) region.hidePopover();
}

/**
 * What to say of an answer that is an error; null if the page or the answer's own toast says it.
 * @param {number} status
 * @param {string | null} trigger the answer's HX-Trigger
 */
export function describeError(status, trigger) {
  if (status === 422 || status === 409 || trigger?.includes("toast")) return null;
  if (status === 403) return gettext("That is not allowed, or this page is too old. Reload it and try again.");
  if (status === 404) return gettext("That is no longer there.");
  if (status === 413) return gettext("That was too large.");
  if (status === 429) return gettext("That was too quick. Wait a moment and try again.");
  return gettext("Something went wrong here. Please try again.");
}

/**
 * Whether a request ended without an answer: that is the network's doing.
 * @param {unknown} error
 */
export const isOffline = (error) =>
  error instanceof TypeError || (error instanceof Error && error.name === "AbortError") || error === "timeout";

export function start() {
  document.addEventListener("toast", (event) =>
    toast(event.detail?.message ?? event.detail?.value, event.detail?.kind),
  );
  document.addEventListener("htmx:error", (event) => {
    const { ctx, error } = event.detail;
    if (ctx && !ctx.response && isOffline(error))
      toast(gettext("The studio does not answer. Trying again… Your prompt is kept."), "error");
  });
  document.addEventListener("htmx:response:error", (event) => {
    const { response, sourceElement } = event.detail.ctx;
    // The poll asks again by itself.
    if (!response || sourceElement.id === "poller") return;
    toast(describeError(response.status, response.headers.get("HX-Trigger")), "error");
  });
}
