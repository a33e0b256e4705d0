// One shared <dialog id="dialog"> that htmx fills; and buttons that open or close a dialog.
import { byId, closest } from "./dom.js";

/**
 * @param {{ left: number, right: number, top: number, bottom: number }} box
 * @param {number} x
 * @param {number} y
 */
export const isInside = (box, x, y) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;

/** @param {HTMLDialogElement} dialog */
function share(dialog) {
  /** @type {Element | null} */
  let opener = null;

  document.addEventListener("htmx:before:request", (event) => {
    if (event.detail.ctx.target === dialog && !dialog.open) opener = event.detail.ctx.sourceElement;
  });
  dialog.addEventListener("htmx:after:settle", (event) => {
    if (event.target === dialog && !dialog.open) dialog.showModal();
  });
  // A form that did what it should closes the dialog it is in.
  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    if (response && sourceElement.matches("form[data-closes]") && response.status < 300) dialog.close();
  });
  dialog.addEventListener("close", () => {
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    opener = null;
  });
}

export function start() {
  const dialog = byId("dialog", HTMLDialogElement);
  if (dialog) share(dialog);

  document.addEventListener("click", (event) => {
    const { target } = event;
    // A click on the backdrop hits the dialog itself, outside its box.
    if (target instanceof HTMLDialogElement && target.open) {
      if (!isInside(target.getBoundingClientRect(), event.clientX, event.clientY)) target.close();
    }
    // What a picture's menu does happens on the page.
    const menu = closest(closest(target, ".menu-item", HTMLElement), ".card-menu", HTMLElement);
    if (menu?.matches(":popover-open")) menu.hidePopover();
    const closer = closest(target, "[data-dialog-close]", HTMLElement);
    closest(closer, "dialog", HTMLDialogElement)?.close();
    const opener = closest(target, "[data-dialog-open]", HTMLElement);
    if (opener) {
      closest(opener, "[popover]", HTMLElement)?.hidePopover();
      byId(opener.dataset.dialogOpen ?? "", HTMLDialogElement)?.showModal();
    }
  });
}
