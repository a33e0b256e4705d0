// A picture that is opened from a list comes up over it: its own page, in a dialog, at its own address. Back, Escape
// and Close lead to the list as it was. An address that says which list it is in (?in=…) is one of these, and so is each
// picture of a share link; opened in a new tab, reloaded or sent on, it is the page.
import { closest, find, findAll, focused, need } from "../base/dom.js";
import { announce, onContent } from "../base/page.js";
import { toast } from "../base/toasts.js";
import { gettext } from "../base/words.js";
import { nameTab } from "../create/tab.js";
import { forgetPlace, remember } from "./library.js";
import { trash } from "./selection.js";

const FACTS = "lemonstudio.facts";
const here = () => location.pathname + location.search;
const onOwnPage = () => Boolean(document.querySelector("main .viewer"));

/**
 * The number of the picture whose page this is, 0 if it is another page.
 * @param {URL} url
 */
export const pictureOf = (url) => Number(/^\/(?:pictures|s\/[\w-]+)\/(\d+)\/$/.exec(url.pathname)?.[1]) || 0;

/** @param {URL} url */
const isOfGuests = (url) => url.pathname.startsWith("/s/");

/**
 * Whether this is a picture's page that says which list the picture is in.
 * @param {URL} url
 * @param {string} origin
 */
export const isInList = (url, origin) =>
  url.origin === origin && pictureOf(url) > 0 && (isOfGuests(url) || url.searchParams.has("in"));

/** @typedef {"open" | "move" | "restored" | "there"} How how a picture comes to be shown; "there" by the address */

/** @type {HTMLDialogElement | null} */
let dialog = null;
/** @type {{ title: string, opener: HTMLElement | null } | null} */
let list = null; // what lies below: its title, and what was pressed there
let shown = 0; // the picture's number
/** @type {{ url: string, control: AbortController } | null} */
let loading = null; // what is on its way
let pressedAgain = ""; // the way that was pressed once more meanwhile
let loaded = ""; // the address that this page was loaded from

function make() {
  const made = document.createElement("dialog");
  made.id = "lightbox";
  made.addEventListener("close", () => leave(made));
  made.addEventListener("submit", (event) => trashShown(event, made), true);
  made.addEventListener("htmx:after:swap", () => keepListUp(made));
  return made;
}

// -- showing

/**
 * @param {string} url
 * @param {How} how
 */
async function show(url, how) {
  loading?.control.abort();
  const control = new AbortController();
  loading = { url: new URL(url, location.href).href, control };
  document.documentElement.toggleAttribute("data-loading", true);
  try {
    await load(url, how, control.signal);
  } catch (problem) {
    if (problem instanceof DOMException && problem.name === "AbortError") return;
    toast(gettext("You seem to be offline. Try again in a moment."), "error");
    if (how === "there" && !dialog?.open) location.reload();
  } finally {
    if (loading?.control === control) {
      loading = null;
      document.documentElement.toggleAttribute("data-loading", false);
      const rel = pressedAgain;
      pressedAgain = "";
      if (rel && dialog) find(dialog, `a[rel=${rel}]`, HTMLAnchorElement)?.click();
    }
  }
}

/**
 * @param {string} url
 * @param {How} how
 * @param {AbortSignal} signal
 */
async function load(url, how, signal) {
  const answer = await fetch(url, { signal, cache: "no-store" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const viewer = find(page, "main .viewer", HTMLElement);
  if (!answer.ok || answer.redirected || !viewer) {
    // Signed out meanwhile, or it is not there any more: the page says so.
    location.assign(url);
    return;
  }
  await loadStyles(page);
  if (signal.aborted) return;
  put(viewer, new URL(url, location.href), page.title, how);
  for (const message of page.querySelectorAll(".messages .message")) toast(message.textContent?.trim());
}

/** @param {Document} page */
function loadStyles(page) {
  const sheets = "link[rel=stylesheet]";
  const there = new Set(findAll(document, sheets, HTMLLinkElement).map((link) => link.href));
  const missing = findAll(page, sheets, HTMLLinkElement).filter((link) => !there.has(link.href));
  return Promise.all(
    missing.map((link) => {
      const copy = Object.assign(document.createElement("link"), { rel: "stylesheet", href: link.href });
      const done = new Promise((resolve) => {
        copy.onload = resolve;
        copy.onerror = resolve;
      });
      document.head.append(copy);
      return done;
    }),
  );
}

/**
 * What of a picture's page gets the focus that was in the one before: the same control, or the nearest to it.
 * @param {string | null} rel of the link that had it
 * @param {boolean} inStrip
 */
export function focusOrder(rel, inStrip) {
  if (inStrip) return ["[aria-current=true]", ".back"];
  return rel ? [`a[rel=${rel}]`, "a[rel=next]", "a[rel=prev]", ".back"] : [".back"];
}

/**
 * @param {HTMLElement} viewer
 * @param {URL} url
 * @param {string} title
 * @param {How} how
 */
function put(viewer, url, title, how) {
  if (!dialog?.isConnected) {
    dialog = make();
    document.body.append(dialog);
  }
  const before = dialog.contains(document.activeElement) ? focused() : null;
  const order = focusOrder(before?.getAttribute("rel") ?? null, Boolean(before?.closest(".strip")));
  if (how === "open") {
    // htmx writes over a state that is not marked as its own, at any request.
    history.pushState({ lightbox: window.navigation?.currentEntry?.key ?? "list", htmx: true }, "", url);
  } else if (how === "move" || how === "restored") {
    history.replaceState(history.state, "", url);
  }
  const called = nameTab(title);
  list ??= { title: called, opener: focused() };
  shown = pictureOf(url);
  dialog.querySelector(".viewer")?.remove();
  dialog.prepend(document.adoptNode(viewer));
  dialog.scrollTop = 0;
  dialog.setAttribute("aria-label", need(viewer, ".stage-pic img", HTMLImageElement).alt);
  if (!dialog.open) {
    dialog.showModal();
    // What is outside of a modal dialog can neither be pressed nor heard.
    moveRegions(dialog);
  } else {
    const same = order.map((one) => find(viewer, one, HTMLElement)).find(Boolean);
    same?.focus({ preventScroll: true });
    // What was restored has been said already.
    if (how !== "restored") announce(dialog.getAttribute("aria-label") ?? "");
  }
  window.htmx?.process(viewer);
  viewer.dispatchEvent(new CustomEvent("htmx:after:settle", { bubbles: true, detail: {} }));
  const tile = tileOf(shown);
  if (tile?.matches(".finder .tile")) remember(tile);
}

/** @param {HTMLElement} place where messages are shown and spoken */
function moveRegions(place) {
  for (const id of ["toasts", "live"]) place.append(need(document, `#${id}`, HTMLElement));
}

/** @param {number} pk */
const tileOf = (pk) =>
  find(document, `#picture-${pk}:not([hidden]), [data-picture="${pk}"]:not([hidden])`, HTMLElement);

// -- leaving

/** @param {HTMLDialogElement} box */
function leave(box) {
  loading?.control.abort();
  pressedAgain = "";
  moveRegions(document.body);
  const { title, opener } = list ?? { title: document.title, opener: null };
  const tile = tileOf(shown);
  const below = opener?.isConnected ? opener : need(document, "#main", HTMLElement);
  const link = (tile && find(tile, ".pic-link", HTMLElement)) ?? below;
  [list, shown] = [null, 0];
  nameTab(title);
  box.replaceChildren();
  forgetPlace();
  const settle = () => {
    link.focus({ preventScroll: true });
    (tile ?? link).scrollIntoView({ block: "nearest" });
  };
  settle();
  // The step back that htmx looks at ends by taking the focus away.
  const since = performance.now();
  const again = () => {
    if (performance.now() - since < 3000 && document.activeElement === document.body) settle();
  };
  window.navigation?.addEventListener("navigatesuccess", again, { once: true });
  if (history.state?.lightbox) history.back();
}

// -- the browser's own buttons

// htmx would load the list anew when one comes back to it, but it is still there, below.
let isOurs = false;

function watchHistory() {
  window.navigation?.addEventListener("navigate", (event) => {
    if (event.navigationType !== "traverse") return;
    const { url, key } = event.destination;
    isOurs = isInList(new URL(url), location.origin) || key === history.state?.lightbox;
  });

  document.addEventListener("htmx:before:history:restore", (event) => {
    if (isOurs || onOwnPage() || history.state?.lightbox) event.preventDefault();
  });

  addEventListener(
    "popstate",
    (event) => {
      if (onOwnPage()) {
        // The page was loaded anew while the picture lay over the list: what the address says now is not there.
        if (here() !== loaded) location.reload();
      } else if (event.state?.lightbox) {
        show(location.href, "there");
      } else if (dialog?.open) {
        dialog.close();
      }
    },
    true,
  );
}

// -- links

/** @param {MouseEvent} event */
function press(event) {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
    return;
  const link = closest(event.target, "a[href]", HTMLAnchorElement);
  if (!link || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  const leadsToPicture = isInList(url, location.origin);
  if (dialog?.open && dialog.contains(link)) {
    if (link.matches(".back")) {
      event.preventDefault();
      dialog.close();
    } else if (leadsToPicture) {
      event.preventDefault();
      if (loading?.url === url.href) pressedAgain = link.rel;
      else if (pictureOf(url) !== shown) show(url.href, "move");
    }
  } else if (leadsToPicture && !onOwnPage() && !link.closest("dialog")) {
    event.preventDefault();
    link.focus({ preventScroll: true });
    show(url.href, "open");
  }
}

// -- what is done in it shows in the list

/**
 * @param {SubmitEvent} event
 * @param {HTMLDialogElement} box
 */
async function trashShown(event, box) {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.querySelector("input[name=next]")) return;
  event.preventDefault();
  event.stopPropagation();
  const told = await trash(form, event.submitter);
  if (!told?.pictures.length || !box.open) return;
  const onward = find(box, "a[rel=next]", HTMLAnchorElement) ?? find(box, "a[rel=prev]", HTMLAnchorElement);
  if (onward) show(onward.href, "move");
  else box.close();
}

/** @param {HTMLDialogElement} box */
function keepListUp(box) {
  const pressed = box.querySelector(".favourite button")?.getAttribute("aria-pressed");
  const form = document.getElementById(`favourite-${shown}`);
  if (pressed && form) {
    need(form, "button", HTMLButtonElement).setAttribute("aria-pressed", pressed);
    need(form, "input[name=favourite]", HTMLInputElement).value = pressed === "true" ? "0" : "1";
  }
  const tile = document.getElementById(`picture-${shown}`);
  const gallery = document.getElementById("find")?.getAttribute("action");
  const place = findAll(box, ".place", HTMLElement).find(
    (one) => find(one, "a", HTMLAnchorElement)?.pathname === gallery,
  );
  const decision = place && find(place, "[name=status][aria-pressed=true]", HTMLButtonElement);
  if (tile && decision) showDecision(tile, decision);
}

/**
 * @param {HTMLElement} tile
 * @param {HTMLButtonElement} decision
 */
function showDecision(tile, decision) {
  const there = find(tile, ".decision", HTMLElement);
  if (decision.value === "draft") {
    there?.remove();
    return;
  }
  const badge = there ?? Object.assign(document.createElement("span"), { className: "badge decision" });
  badge.textContent = decision.textContent;
  need(tile, ".tile-check", HTMLElement).after(badge);
}

// -- with or without what is said about the picture

/**
 * @param {HTMLElement} button
 * @param {boolean} wanted
 */
function showFacts(button, wanted) {
  button.setAttribute("aria-expanded", String(wanted));
  button.closest(".viewer")?.toggleAttribute("data-bare", !wanted);
  dispatchEvent(new Event("resize"));
}

/** @param {ParentNode} root */
function equip(root) {
  for (const button of findAll(root, "[data-facts][hidden]", HTMLElement)) {
    button.hidden = false;
    showFacts(button, sessionStorage.getItem(FACTS) !== "off");
  }
  // The strip stands where its picture is.
  for (const one of findAll(root, ".strip [aria-current]", HTMLElement)) {
    const row = closest(one, "ul", HTMLElement);
    if (row) row.scrollLeft = one.offsetLeft - (row.clientWidth - one.offsetWidth) / 2;
  }
}

export function start() {
  loaded = here();
  watchHistory();
  document.addEventListener("click", press);
  // Undo brings it back to where one looks.
  document.addEventListener("restored", (event) => {
    if (dialog?.open) show(`/pictures/${event.detail.pictures[0]}/${location.search}`, "restored");
  });
  onContent(equip);
  document.addEventListener("click", (event) => {
    const button = closest(event.target, "[data-facts]", HTMLElement);
    if (!button) return;
    const wanted = button.getAttribute("aria-expanded") !== "true";
    sessionStorage.setItem(FACTS, wanted ? "on" : "off");
    showFacts(button, wanted);
  });
}
