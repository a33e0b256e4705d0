// What cannot be undone asks first: a form, or a button of it, with data-confirm="question". Without scripts the server
// asks, on a page of its own; the field "ask" tells it to.
import { find, findAll } from "./dom.js";
import { gettext } from "./words.js";

/**
 * What is asked, and what the button that goes ahead says. The button that was pressed comes first.
 * @param {{ dataset: DOMStringMap } | null} submitter
 * @param {{ dataset: DOMStringMap }} form
 */
export function questionOf(submitter, form) {
  const asked = submitter?.dataset.confirm ?? form.dataset.confirm;
  if (!asked) return null;
  const more = submitter?.dataset.confirmMore ?? form.dataset.confirmMore ?? gettext("This cannot be undone.");
  return { asked, more, yes: submitter?.dataset.confirmYes ?? form.dataset.confirmYes ?? gettext("Delete") };
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} text
 */
function element(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

/**
 * @param {{ asked: string, more: string, yes: string }} question
 * @param {() => void} run
 */
function ask({ asked, more, yes }, run) {
  const dialog = /** @type {HTMLDialogElement} */ (element("dialog", "dialog confirm", ""));
  const title = element("h2", "", asked);
  title.id = "confirm-title";
  dialog.setAttribute("aria-labelledby", title.id);
  const keep = /** @type {HTMLButtonElement} */ (element("button", "btn btn-big", gettext("Keep")));
  const go = /** @type {HTMLButtonElement} */ (element("button", "btn btn-big btn-danger", yes));
  for (const button of [keep, go]) button.type = "button";
  const acts = element("div", "actions", "");
  acts.append(go, keep);
  dialog.append(title, element("p", "muted", more), acts);
  keep.addEventListener("click", () => dialog.close());
  go.addEventListener("click", () => {
    dialog.close();
    run();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  keep.focus();
}

export function start() {
  /** @type {HTMLFormElement | null} */
  let confirmed = null;

  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement)) return;
      const submitter = event.submitter;
      const question = questionOf(submitter, form);
      if (!question) return;
      if (form === confirmed) {
        confirmed = null;
        return;
      }
      event.preventDefault();
      event.stopImmediatePropagation();
      ask(question, () => {
        confirmed = form;
        for (const field of findAll(form, "[name=ask]", HTMLInputElement)) field.disabled = true;
        form.requestSubmit(submitter);
        for (const field of findAll(form, "[name=ask]", HTMLInputElement)) field.disabled = false;
        find(document, "#main", HTMLElement)?.focus({ preventScroll: true });
      });
    },
    true,
  );
}
