// One shared <dialog id="dialog"> that htmx fills; and commandfor for browsers that do not know it yet.
const dialog = document.getElementById("dialog");

if (dialog) {
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
    if (sourceElement.matches("form[data-closes]") && response.status < 300) dialog.close();
  });
  dialog.addEventListener("close", () => {
    if (opener?.isConnected) opener.focus();
    opener = null;
  });
}

document.addEventListener("click", (event) => {
  const open = event.target;
  // A click on the backdrop hits the dialog itself, outside its box.
  if (open instanceof HTMLDialogElement && open.open) {
    const box = open.getBoundingClientRect();
    const inside =
      event.clientX >= box.left &&
      event.clientX <= box.right &&
      event.clientY >= box.top &&
      event.clientY <= box.bottom;
    if (!inside) open.close();
  }
  const closer = event.target.closest?.("[data-dialog-close]");
  if (closer) closer.closest("dialog")?.close();
  const shower = event.target.closest?.("[data-dialog-open]");
  if (shower) {
    shower.closest("[popover]")?.hidePopover();
    document.getElementById(shower.dataset.dialogOpen)?.showModal();
  }
});
