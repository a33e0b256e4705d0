// What scripts say, in the language of the page. The English stands in the code; for another language the page loads
// js/words/LANGUAGE.js before the modules. `make messages` makes those files from gallery/locale.

/** @returns {Record<string, string[]>} */
const known = () => /** @type {{ studioWords?: Record<string, string[]> }} */ (globalThis).studioWords ?? {};

/**
 * @param {string} text
 * @param {Record<string, string | number>} values
 */
const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => String(values[name]));

/**
 * @param {string} text with places for values, such as %(name)s
 * @param {Record<string, string | number>} values
 */
export const gettext = (text, values = {}) => filled(known()[text]?.[0] ?? text, values);

/**
 * The form for this count; it is also a value, %(count)s.
 * @param {string} one
 * @param {string} many
 * @param {number} count
 */
export function ngettext(one, many, count) {
  const forms = known()[one] ?? [one, many];
  // Of the languages that there are, each has one form, or two as English has.
  return filled(forms[count === 1 ? 0 : forms.length - 1], { count });
}

/**
 * A number as the page's language writes it.
 * @param {number} number
 */
export const figure = (number) => number.toLocaleString(globalThis.document?.documentElement.lang || "en");
