// Finds elements, with their kind known to the type checker. An element of another kind counts as absent.

/**
 * The first element inside `root` that matches, or null.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T | null}
 */
export function find(root, selector, kind) {
  const found = root.querySelector(selector);
  return found instanceof kind ? found : null;
}

/**
 * Like `find`, for an element that the template always has.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
export function need(root, selector, kind) {
  const found = find(root, selector, kind);
  if (!found) throw new Error(`The page has no ${selector}`);
  return found;
}

/**
 * All elements inside `root` that match.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T[]}
 */
export function findAll(root, selector, kind) {
  return [...root.querySelectorAll(selector)].flatMap((one) => (one instanceof kind ? [one] : []));
}

/**
 * The element of this id, or null.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T | null}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  return found instanceof kind ? found : null;
}

/**
 * The nearest element around `place` that matches, `place` included. Events have targets that are no elements.
 * @template {Element} T
 * @param {EventTarget | null} place
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T | null}
 */
export function closest(place, selector, kind) {
  const found = place instanceof Element ? place.closest(selector) : null;
  return found instanceof kind ? found : null;
}

/**
 * Whether an event's target is an element that matches.
 * @param {EventTarget | null} target
 * @param {string} selector
 */
export const matches = (target, selector) => target instanceof Element && target.matches(selector);

/** The element that has the focus, null if none has it. */
export const focused = () => (document.activeElement instanceof HTMLElement ? document.activeElement : null);

/** The token that Django wants with each POST. */
export const csrfToken = () => need(document, "[name=csrfmiddlewaretoken]", HTMLInputElement).value;
