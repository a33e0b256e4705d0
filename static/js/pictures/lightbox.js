// A picture that is opened from a list comes up over it: its own page, in a dialog, at its own address. Back, Escape
// and Close lead to the list as it was. An address that says which list it is in (?in=…) is one of these; opened in a
// new tab, reloaded or sent to somebody, it is the page.
import { announce, onContent } from "../base/page.js";
import { forgetPlace, remember } from "./library.js";
import { trash } from "./selection.js";
import { toast } from "../base/toasts.js";
import { nameTab } from "../create/waiting.js";

const FACTS = "lemonstudio.facts";
const here = () => location.pathname + location.search;
const loaded = here();
const onOwnPage = () => Boolean(document.querySelector("main .viewer"));
const number = (url) => Number(/^\/pictures\/(\d+)\/$/.exec(url.pathname)?.[1]) || 0;
const isInList = (url) => url.origin === location.origin && number(url) > 0 && url.searchParams.has("in");

let dialog = null;
let list = null; // what lies below: its title, and what was pressed there
let shown = 0; // the picture's number
let loading = null; // {url, control} of what is on its way
let pressedAgain = ""; // the way that was pressed once more meanwhile

function make() {
  const made = document.createElement("dialog");
  made.id = "lightbox";
  made.addEventListener("close", leave);
  made.addEventListener("submit", throwAway, true);
  made.addEventListener("htmx:after:swap", keepListUp);
  return made;
}

// -- showing

async function show(url, how) {
  loading?.control.abort();
  const control = new AbortController();
  loading = { url: new URL(url, location.href).href, control };
  document.documentElement.toggleAttribute("data-loading", true);
  try {
    const answer = await fetch(url, { signal: control.signal, cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const viewer = page.querySelector("main .viewer");
    // Signed out meanwhile, or it is not there any more: the page says so.
    if (!answer.ok || answer.redirected || !viewer) return location.assign(url);
    await bringStyles(page);
    if (control.signal.aborted) return;
    put(viewer, new URL(url, location.href), page.title, how);
    for (const message of page.querySelectorAll(".messages .message")) toast(message.textContent.trim());
  } catch (problem) {
    if (problem.name === "AbortError") return;
    toast("You seem to be offline. Try again in a moment.", "error");
    if (how === "there" && !dialog?.open) location.reload();
  } finally {
    if (loading?.control === control) {
      loading = null;
      document.documentElement.toggleAttribute("data-loading", false);
      const rel = pressedAgain;
      pressedAgain = "";
      if (rel) dialog?.querySelector(`a[rel=${rel}]`)?.click();
    }
  }
}

function bringStyles(page) {
  const there = new Set([...document.querySelectorAll("link[rel=stylesheet]")].map((link) => link.href));
  const missing = [...page.querySelectorAll("link[rel=stylesheet]")].filter((link) => !there.has(link.href));
  return Promise.all(
    missing.map((link) => {
      const copy = Object.assign(document.createElement("link"), { rel: "stylesheet", href: link.href });
      const done = new Promise((resolve) => (copy.onload = copy.onerror = resolve));
      document.head.append(copy);
      return done;
    }),
  );
}

function put(viewer, url, title, how) {
  if (!dialog?.isConnected) document.body.append((dialog = make()));
  const focused = dialog.contains(document.activeElement) ? document.activeElement : null;
  const rel = focused?.getAttribute("rel");
  const inStrip = Boolean(focused?.closest(".strip"));
  if (how === "open") {
    history.pushState({ lightbox: window.navigation?.currentEntry.key ?? "list" }, "", url);
  } else if (how === "move" || how === "restored") {
    history.replaceState(history.state, "", url);
  }
  const before = nameTab(title);
  list ??= { title: before, opener: document.activeElement };
  shown = number(url);
  dialog.querySelector(".viewer")?.remove();
  dialog.prepend(document.adoptNode(viewer));
  dialog.scrollTop = 0;
  dialog.setAttribute("aria-label", viewer.querySelector(".stage-pic img").alt);
  if (!dialog.open) {
    dialog.showModal();
    // What is outside of a modal dialog can neither be pressed nor heard.
    for (const id of ["toasts", "live"]) dialog.append(document.getElementById(id));
  } else {
    const wanted = inStrip ? ["[aria-current=true]"] : rel ? [`a[rel=${rel}]`, "a[rel=next]", "a[rel=prev]"] : [];
    const same = [...wanted, ".back"].map((one) => viewer.querySelector(one)).find(Boolean);
    same.focus({ preventScroll: true });
    // What was restored has been said already.
    if (how !== "restored") announce(dialog.getAttribute("aria-label"));
  }
  window.htmx?.process(viewer);
  viewer.dispatchEvent(new CustomEvent("htmx:after:settle", { bubbles: true, detail: {} }));
  const tile = tileOf(shown);
  if (tile?.matches(".finder .tile")) remember(tile);
}

const tileOf = (pk) => document.querySelector(`#picture-${pk}:not([hidden]), [data-picture="${pk}"]:not([hidden])`);

// -- leaving

function leave() {
  loading?.control.abort();
  pressedAgain = "";
  for (const id of ["toasts", "live"]) document.body.append(document.getElementById(id));
  const { title, opener } = list;
  const tile = tileOf(shown);
  const link = tile?.querySelector(".pic-link") ?? (opener?.isConnected ? opener : document.getElementById("main"));
  [list, shown] = [null, 0];
  nameTab(title);
  dialog.replaceChildren();
  forgetPlace();
  const settle = () => {
    link.focus({ preventScroll: true });
    (tile ?? link).scrollIntoView({ block: "nearest" });
  };
  settle();
  // The step back that htmx looks at ends by taking the focus away.
  const since = performance.now();
  const again = () => performance.now() - since < 3000 && document.activeElement === document.body && settle();
  window.navigation?.addEventListener("navigatesuccess", again, { once: true });
  if (history.state?.lightbox) history.back();
}

// -- the browser's own buttons

// htmx would load the list anew when one comes back to it, but it is still there, below.
let isOurs = false;

window.navigation?.addEventListener("navigate", (event) => {
  if (event.navigationType !== "traverse") return;
  isOurs = isInList(new URL(event.destination.url)) || event.destination.key === history.state?.lightbox;
});

document.addEventListener("htmx:before:history:restore", (event) => {
  if (isOurs || onOwnPage() || history.state?.lightbox) event.preventDefault();
});

addEventListener(
  "popstate",
  (event) => {
    const isPicture = Boolean(event.state?.lightbox);
    if (onOwnPage()) {
      // The page was loaded anew while the picture lay over the list: what the address says now is not there.
      if (here() !== loaded) location.reload();
    } else if (isPicture) {
      show(location.href, "there");
    } else if (dialog?.open) {
      dialog.close();
    }
  },
  true,
);

// -- links

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
    return;
  const link = event.target.closest?.("a[href]");
  if (!link || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  if (dialog?.open && dialog.contains(link)) {
    if (link.matches(".back")) {
      event.preventDefault();
      dialog.close();
    } else if (isInList(url)) {
      event.preventDefault();
      if (loading?.url === url.href) pressedAgain = link.rel;
      else if (number(url) !== shown) show(url, "move");
    }
  } else if (isInList(url) && !onOwnPage() && !link.closest("dialog")) {
    event.preventDefault();
    link.focus({ preventScroll: true });
    show(url, "open");
  }
});

// -- what is done in it shows in the list

async function throwAway(event) {
  if (!event.target.querySelector("input[name=next]")) return;
  event.preventDefault();
  event.stopPropagation();
  const told = await trash(event.target, event.submitter);
  if (!told?.pictures.length || !dialog.open) return;
  const onward = dialog.querySelector("a[rel=next]") ?? dialog.querySelector("a[rel=prev]");
  if (onward) show(onward.href, "move");
  else dialog.close();
}

// Undo brings it back to where one looks.
document.addEventListener("restored", (event) => {
  if (dialog?.open) show(`/pictures/${event.detail.pictures[0]}/${location.search}`, "restored");
});

function keepListUp() {
  const pressed = dialog.querySelector(".favourite button")?.getAttribute("aria-pressed");
  const form = document.getElementById(`favourite-${shown}`);
  if (pressed && form) {
    form.querySelector("button").setAttribute("aria-pressed", pressed);
    form.querySelector("input[name=favourite]").value = pressed === "true" ? "0" : "1";
  }
  const tile = document.getElementById(`picture-${shown}`);
  const gallery = document.getElementById("find")?.getAttribute("action");
  const place = [...dialog.querySelectorAll(".place")].find((one) => one.querySelector("a").pathname === gallery);
  const decision = place?.querySelector("[name=status][aria-pressed=true]");
  if (!tile || !decision) return;
  const badge =
    tile.querySelector(".decision") ?? Object.assign(document.createElement("span"), { className: "badge decision" });
  if (decision.value === "draft") return badge.remove();
  badge.textContent = decision.textContent;
  tile.querySelector(".tile-check").after(badge);
}

// -- with or without what is said about the picture

function showFacts(button, wanted) {
  button.setAttribute("aria-expanded", String(wanted));
  button.closest(".viewer").toggleAttribute("data-bare", !wanted);
  dispatchEvent(new Event("resize"));
}

onContent((root) => {
  for (const button of root.querySelectorAll("[data-facts][hidden]")) {
    button.hidden = false;
    showFacts(button, sessionStorage.getItem(FACTS) !== "off");
  }
  // The strip stands where its picture is.
  for (const one of root.querySelectorAll(".strip [aria-current]")) {
    const row = one.closest("ul");
    row.scrollLeft = one.offsetLeft - (row.clientWidth - one.offsetWidth) / 2;
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-facts]");
  if (!button) return;
  const wanted = button.getAttribute("aria-expanded") !== "true";
  sessionStorage.setItem(FACTS, wanted ? "on" : "off");
  showFacts(button, wanted);
});
