// <time datetime="…" data-relative> says "3 minutes ago", and keeps it up to date.
import { findAll } from "./dom.js";
import { onContent } from "./page.js";
import { gettext } from "./words.js";

/**
 * How times are said in a language.
 * @param {string} language a BCP 47 tag
 */
export function timeFormats(language) {
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  return {
    /** @param {Date} date */
    exact: (date) => exact.format(date),
    /**
     * How long ago `date` was; its day once that is two weeks or more.
     * @param {Date} date
     * @param {number} now milliseconds, as Date.now() has them
     */
    relative(date, now) {
      const seconds = (date.getTime() - now) / 1000;
      const size = Math.abs(seconds);
      if (size < 45) return gettext("just now");
      if (size < 3600) return words.format(Math.round(seconds / 60), "minute");
      if (size < 86400) return words.format(Math.round(seconds / 3600), "hour");
      if (size < 86400 * 14) return words.format(Math.round(seconds / 86400), "day");
      return day.format(date);
    },
  };
}

export function start() {
  const { exact, relative } = timeFormats(document.documentElement.lang || "en");

  /** @param {ParentNode} root */
  function refresh(root) {
    for (const element of findAll(root, "time[data-relative]", HTMLTimeElement)) {
      const date = new Date(element.dateTime);
      if (Number.isNaN(date.getTime())) continue;
      const text = relative(date, Date.now());
      if (element.textContent !== text) element.textContent = text;
      if (!element.title) element.title = exact(date);
    }
  }

  onContent(refresh);
  setInterval(() => refresh(document), 30000);
}
