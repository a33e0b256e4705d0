// While pictures are made elsewhere: the tab's title and icon count them, and a notification tells when one is there.
import { byId, find, findAll } from "../base/dom.js";
import { onContent } from "../base/page.js";

const STORE = "lemonstudio.notify";

/**
 * The tab's title: how many are under way stands before it, else that one is ready.
 * @param {string} title
 * @param {number} underWay
 * @param {number} ready ended while the tab was hidden
 */
export function tabTitle(title, underWay, ready) {
  if (underWay) return `(${underWay}) ${title}`;
  return ready ? `✓ ${title}` : title;
}

/**
 * A countdown's next second.
 * @param {string} text
 */
export const countDown = (text) => String(Math.max(0, Number(text) - 1));

let title = "";
let underWay = 0;
let ready = 0;
let plainIcon = "";

function show() {
  const wanted = tabTitle(title, underWay, ready);
  if (document.title !== wanted) document.title = wanted;
  const icon = find(document, "link[rel=icon]", HTMLLinkElement);
  const address = underWay ? icon?.dataset.counted?.replace("0.svg", `${underWay}.svg`) : plainIcon;
  if (icon && address && icon.href !== new URL(address, location.href).href) icon.href = address;
}

/**
 * What the tab is called from now on, without a count; answers what it was called so far.
 * @param {string} name
 */
export function nameTab(name) {
  const before = title;
  title = name;
  show();
  return before;
}

function count() {
  underWay = Number(find(document, "[data-under-way]", HTMLElement)?.dataset.underWay) || 0;
  show();
}

/** @param {string} said */
function notify(said) {
  if (localStorage.getItem(STORE) !== "on" || !("Notification" in window)) return;
  if (Notification.permission !== "granted") return;
  const note = new Notification("Lemon Studio", { body: said, icon: plainIcon, tag: "lemonstudio" });
  note.addEventListener("click", () => {
    window.focus();
    note.close();
  });
}

// The server says what has ended in the live region; people who look elsewhere are told, too.
/** @param {HTMLElement} live */
function listen(live) {
  new MutationObserver(() => {
    const said = live.textContent?.trim() ?? "";
    if (!document.hidden || !find(live, "[data-ended]", HTMLElement)) return;
    ready += 1;
    show();
    notify(said);
  }).observe(live, { childList: true, characterData: true, subtree: true });
}

// The switch in Account exists only where the browser knows notifications.
function equipSwitch() {
  if (!("Notification" in window)) return;
  for (const box of findAll(document, "input[data-notify-switch]", HTMLInputElement)) {
    box.checked = localStorage.getItem(STORE) === "on" && Notification.permission === "granted";
    box.closest("[hidden]")?.removeAttribute("hidden");
    box.addEventListener("change", async () => {
      const granted = box.checked && (await Notification.requestPermission()) === "granted";
      const refused = box.checked && !granted;
      box.checked = granted;
      localStorage.setItem(STORE, granted ? "on" : "off");
      document.getElementById("notify-refused")?.toggleAttribute("hidden", !refused);
    });
  }
}

export function start() {
  title = document.title;
  plainIcon = find(document, "link[rel=icon]", HTMLLinkElement)?.href ?? "";

  document.addEventListener("visibilitychange", () => {
    const field = byId("page-hidden", HTMLInputElement);
    if (field) field.value = document.hidden ? "1" : "";
    if (!document.hidden) ready = 0;
    show();
  });
  const live = document.getElementById("live");
  if (live) listen(live);
  equipSwitch();
  // Seconds until the account is tried again; what comes of it, the next poll tells.
  setInterval(() => {
    for (const element of findAll(document, "[data-countdown]", HTMLElement)) {
      element.textContent = countDown(element.textContent ?? "");
    }
  }, 1000);
  onContent(count);
}
