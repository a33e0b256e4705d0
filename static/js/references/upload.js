// Sends pictures one after the other, each with its progress and a way to cancel it. For references and for the library.
import { csrfToken } from "../base/dom.js";
import { gettext } from "../base/words.js";
import { problemOf } from "../edit/upload.js";

/** @typedef {{ url: string, field: string, largest: number, more?: () => Record<string, string> }} Where */

// 20 MB, as the server has it.
export const LARGEST = 20 * 2 ** 20;

/**
 * A line that tells how far a file is; its button cancels.
 * @param {string} name
 */
function line(name) {
  const row = document.createElement("span");
  row.className = "upload-row";
  const said = document.createElement("span");
  said.textContent = name;
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", gettext("Uploading %(name)s", { name }));
  const cancel = document.createElement("button");
  cancel.type = "button";
  cancel.className = "btn btn-quiet";
  cancel.textContent = gettext("Cancel");
  cancel.setAttribute("aria-label", gettext("Cancel %(name)s", { name }));
  row.append(said, bar, cancel);
  return { row, said, bar, cancel };
}

/**
 * @param {File} file
 * @param {Where} where
 * @param {ReturnType<typeof line>} shown
 * @returns {Promise<string | null>} what the server answers; null if it was cancelled
 */
function post(file, where, shown) {
  return new Promise((resolve, reject) => {
    const data = new FormData();
    data.append("csrfmiddlewaretoken", csrfToken());
    for (const [name, value] of Object.entries(where.more?.() ?? {})) data.append(name, value);
    data.append(where.field, file);
    const request = new XMLHttpRequest();
    request.open("POST", where.url);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) shown.bar.value = event.loaded / event.total;
    });
    request.addEventListener("load", () => {
      const signedOut = request.responseURL.includes("/login/");
      if (request.status === 200 && !signedOut) resolve(request.responseText);
      else if (request.status === 422) reject(new Error(request.responseText));
      else
        reject(
          new Error(
            signedOut
              ? gettext("You are signed out. Reload the page.")
              : gettext("It could not be uploaded. Try again."),
          ),
        );
    });
    request.addEventListener("error", () => reject(new Error(gettext("You seem to be offline. Try again."))));
    request.addEventListener("abort", () => resolve(null));
    shown.cancel.addEventListener("click", () => request.abort());
    request.send(data);
  });
}

/** @type {Promise<unknown>} */
let queue = Promise.resolve(); // the server opens one picture at a time

/**
 * Sends these files in their order. Each has a line in a place of its own, from `place` on; `arrived` gets that place
 * with what the server answered.
 * @param {Iterable<File>} files
 * @param {Where} where
 * @param {() => HTMLElement} place
 * @param {(place: HTMLElement, html: string) => void} arrived
 */
export function sendAll(files, where, place, arrived) {
  for (const file of files) {
    const here = place();
    const shown = line(file.name);
    here.append(shown.row);
    let isCancelled = false;
    shown.cancel.addEventListener("click", () => {
      isCancelled = true;
      here.remove();
    });
    queue = queue.then(async () => {
      if (isCancelled) return;
      try {
        const problem = problemOf(file, new Uint8Array(await file.slice(0, 32).arrayBuffer()), where.largest);
        if (problem) throw new Error(problem);
        const html = await post(file, where, shown);
        if (html !== null) arrived(here, html);
      } catch (problem) {
        shown.row.dataset.wrong = "";
        shown.row.setAttribute("role", "alert");
        shown.said.textContent = problem instanceof Error ? problem.message : String(problem);
        shown.bar.remove();
        shown.cancel.textContent = gettext("Close");
        shown.cancel.setAttribute("aria-label", gettext("Close the message about %(name)s", { name: file.name }));
      }
    });
  }
}
