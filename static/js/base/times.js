// <time datetime="…" data-relative> says "3 minutes ago", and goes on saying it truly.
import { onContent } from "./page.js";

const words = new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "auto" });
const exact = new Intl.DateTimeFormat(document.documentElement.lang || "en", {
  dateStyle: "medium",
  timeStyle: "short",
});

function relative(date) {
  const seconds = (date - Date.now()) / 1000;
  const size = Math.abs(seconds);
  if (size < 45) return "just now";
  if (size < 3600) return words.format(Math.round(seconds / 60), "minute");
  if (size < 86400) return words.format(Math.round(seconds / 3600), "hour");
  if (size < 86400 * 14) return words.format(Math.round(seconds / 86400), "day");
  return new Intl.DateTimeFormat(document.documentElement.lang || "en", { dateStyle: "medium" }).format(date);
}

function refresh(root = document) {
  for (const element of root.querySelectorAll("time[data-relative]")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const text = relative(date);
    if (element.textContent !== text) element.textContent = text;
    if (!element.title) element.title = exact.format(date);
  }
}

onContent(refresh);
setInterval(refresh, 30000);
