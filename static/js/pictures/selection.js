// Tiles that are selected, and pictures that go into the trash and come back, without the page being loaded anew.
import { announce, onContent } from "../base/page.js";
import { toast } from "../base/toasts.js";

const bar = document.getElementById("selection");
const MOST = 500;
const boxes = () =>
  [...document.querySelectorAll("input[name=picture][form=selection]")].filter((box) => !box.disabled);
const ticked = () => boxes().filter((box) => box.checked);

// -- selecting

let last = null; // the box that was ticked last, from where Shift goes on

function show() {
  if (!bar) return;
  const count = ticked().length;
  bar.toggleAttribute("data-any", count > 0);
  const said = bar.querySelector("[data-selected]");
  const text = count ? `${count} selected` : "";
  if (said.textContent !== text) said.textContent = text;
  bar.querySelector("[data-compare]").hidden = count < 2 || count > 4;
}

function clear() {
  for (const box of ticked()) box.checked = false;
  last = null;
  show();
}

function select(some, checked) {
  const more = some.filter((box) => box.checked !== checked);
  const room = checked ? MOST - ticked().length : more.length;
  for (const box of more.slice(0, room)) box.checked = checked;
  if (more.length > room) toast(`${MOST} pictures at once are the most.`);
  show();
}

if (bar) {
  for (const button of bar.querySelectorAll("[data-select-all], [data-select-none]")) button.hidden = false;
  bar.querySelector("[data-select-all]").addEventListener("click", () => select(boxes(), true));
  bar.querySelector("[data-select-none]").addEventListener("click", () => {
    const place = last?.closest(".tile")?.querySelector("a");
    clear();
    place?.focus();
  });

  document.addEventListener("click", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || !box.matches("input[name=picture][form=selection]")) return;
    const all = boxes();
    if (event.shiftKey && last && last !== box && all.includes(last)) {
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((one, other) => one - other);
      select(all.slice(from, to + 1), box.checked);
    } else if (box.checked && ticked().length > MOST) {
      box.checked = false;
      toast(`${MOST} pictures at once are the most.`);
    }
    last = box;
    show();
  });
  // Escape clears what is selected, where nothing nearer wants it.
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || document.querySelector("dialog[open], .menu:popover-open")) return;
      if (event.target.matches?.("input:not([type=checkbox]), textarea, select") || !ticked().length) return;
      event.preventDefault();
      clear();
    },
    true,
  );
  onContent(show);
  addEventListener("pageshow", show);
}

// -- the trash

async function post(url, data) {
  const answer = await fetch(url, { method: "POST", body: data, headers: { Accept: "application/json" } });
  // Signed out meanwhile: the sign-in page came instead.
  if (answer.redirected) return location.reload();
  const said = { 403: "This page is too old. Reload it and try again.", 404: "That is no longer there." };
  if (!answer.ok && answer.status !== 422)
    throw new Error(said[answer.status] ?? "Something went wrong here. Please try again.");
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.said);
  return told;
}

const places = (pk) => document.querySelectorAll(`#picture-${Number(pk)}, [data-picture="${Number(pk)}"]`);

// A card shows as many pictures as are left, and goes with the last of them.
function settle(card) {
  if (!card) return;
  const left = card.querySelectorAll("[data-picture]:not([hidden])").length;
  card.hidden = left === 0;
  if (left) card.dataset.count = left;
}

function put(pictures, hidden) {
  for (const pk of pictures) {
    for (const place of places(pk)) {
      place.hidden = hidden;
      const box = place.querySelector("input[name=picture]");
      if (box) [box.checked, box.disabled] = [false, hidden];
      // What the browser asked for while it was in the trash was refused: ask again.
      const image = place.querySelector("img");
      if (!hidden && image) image.src = image.getAttribute("src");
      settle(place.closest("article"));
    }
  }
  show();
}

// Where the focus goes when what has it is gone: to the next tile or card.
function neighbour(place) {
  let next = place;
  do next = next.nextElementSibling;
  while (next && (next.hidden || !next.querySelector("a")));
  if (next) return next;
  next = place;
  do next = next.previousElementSibling;
  while (next && (next.hidden || !next.querySelector("a")));
  return next ?? document.getElementById("main");
}

export async function trash(form, submitter) {
  const url = submitter?.getAttribute("formaction") || form.action;
  const data = new FormData(form);
  const here = document.activeElement?.closest(".tile, article");
  try {
    const told = await post(url, data);
    if (!told) return;
    put(told.pictures, true);
    if (!here || here.hidden || form === bar) {
      const next = neighbour(here ?? places(told.pictures[0])[0] ?? document.getElementById("main"));
      const place = next.querySelector("a") ?? next;
      place.focus({ preventScroll: true });
    }
    const token = data.get("csrfmiddlewaretoken");
    const undo = told.pictures.length && { label: "Undo", run: () => restore(told.undo, told.pictures, token) };
    toast(told.said, "info", undo || null);
    return told;
  } catch (problem) {
    toast(problem instanceof TypeError ? "You seem to be offline. Nothing has changed." : problem.message, "error");
  }
}

async function restore(url, pictures, token) {
  const data = new FormData();
  data.append("csrfmiddlewaretoken", token);
  for (const pk of pictures) data.append("picture", pk);
  try {
    const told = await post(url, data);
    if (!told) return;
    put(told.pictures, false);
    document.dispatchEvent(new CustomEvent("restored", { detail: { pictures: told.pictures } }));
    const first = places(told.pictures[0])[0];
    first?.scrollIntoView({ block: "nearest" });
    first?.querySelector("a")?.focus({ preventScroll: true });
    announce(told.said);
  } catch (problem) {
    toast(
      problem instanceof TypeError ? "You seem to be offline. It is still in the trash." : problem.message,
      "error",
    );
  }
}

document.addEventListener("submit", (event) => {
  const isTrash = event.target.matches("form[data-trash]") || event.submitter?.matches("[data-trash]");
  if (!isTrash) return;
  event.preventDefault();
  trash(event.target, event.submitter);
});

// -- tags: a list of suggestions goes by all that stands in the field, so they begin with what is there already

document.addEventListener("input", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLInputElement) || field.name !== "tags" || !field.list) return;
  const before = field.value.slice(0, field.value.lastIndexOf(",") + 1);
  for (const option of field.list.options) {
    option.dataset.name ??= option.value;
    option.value = before ? `${before} ${option.dataset.name}` : option.dataset.name;
  }
});
