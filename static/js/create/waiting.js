// While pictures are made elsewhere: the tab's title and icon count them, and a notification tells when one is there.
import { onContent } from "../base/page.js";

const STORE = "lemonstudio.notify";
let title = document.title;
const icon = document.querySelector("link[rel=icon]");
const plainIcon = icon?.href;
const hiddenField = () => document.getElementById("page-hidden");
let counted = 0;
let ready = 0;

function show() {
  const prefix = counted ? `(${counted}) ` : ready ? "✓ " : "";
  if (document.title !== prefix + title) document.title = prefix + title;
  const wanted = counted ? icon?.dataset.counted?.replace("0.svg", `${counted}.svg`) : plainIcon;
  if (icon && wanted && icon.href !== new URL(wanted, location.href).href) icon.href = wanted;
}

// What the tab is called, whatever is counted before it; answers what it was called so far.
export function nameTab(name) {
  const before = title;
  title = name;
  show();
  return before;
}

function count() {
  counted = Number(document.querySelector("[data-under-way]")?.dataset.underWay) || 0;
  show();
}

document.addEventListener("visibilitychange", () => {
  const field = hiddenField();
  if (field) field.value = document.hidden ? "1" : "";
  if (!document.hidden) ready = 0;
  show();
});

// The server says what has ended in the live region; whoever looks elsewhere is told, too.
const live = document.getElementById("live");
if (live) {
  new MutationObserver(() => {
    const said = live.textContent.trim();
    if (!document.hidden || !/ready|without a picture/.test(said)) return;
    ready += 1;
    show();
    if (localStorage.getItem(STORE) === "on" && window.Notification?.permission === "granted") {
      const note = new Notification("Lemon Studio", { body: said, icon: plainIcon, tag: "lemonstudio" });
      note.addEventListener("click", () => {
        window.focus();
        note.close();
      });
    }
  }).observe(live, { childList: true, characterData: true, subtree: true });
}

// The switch in Account exists only where the browser knows notifications.
for (const box of document.querySelectorAll("input[data-notify-switch]")) {
  if (!("Notification" in window)) break;
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

// Seconds until the account is tried again; what comes of it, the next poll tells.
setInterval(() => {
  for (const element of document.querySelectorAll("[data-countdown]")) {
    element.textContent = Math.max(0, Number(element.textContent) - 1);
  }
}, 1000);

onContent(count);
