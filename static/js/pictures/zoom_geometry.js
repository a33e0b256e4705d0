// How a picture lies in its frame when it is enlarged. Lengths are CSS pixels of the window.

/**
 * How far a picture's middle is moved, in parts of the picture, so that it means the same in frames of any size.
 * @typedef {{ scale: number, x: number, y: number }} View
 */
/** @typedef {{ x: number, y: number }} Point */
/**
 * A frame, the picture's size at scale 1, and how far the picture's middle is from the frame's.
 * @typedef {{ box: { left: number, top: number, width: number, height: number },
 *   width: number, height: number, right: number, down: number }} Measures
 */

export const LEAST = 1;
const STEP = 1.5;

/**
 * @param {number} value
 * @param {number} most either side of 0
 */
export const clamp = (value, most) => Math.max(-most, Math.min(most, value));

/**
 * How far the picture is moved along one side, no farther than its edge reaches the frame's.
 * @param {{ size: number, frame: number, away: number }} side of the picture and its frame, and between their middles
 * @param {number} scale
 * @param {number} part wanted, in parts of the picture
 * @returns {number} 0 if all of it is seen
 */
export function shift({ size, frame, away }, scale, part) {
  const room = Math.max(0, (size * scale - frame) / 2);
  return room ? clamp(away + part * size, room) - away : 0;
}

/**
 * How far the picture is moved to the right and down.
 * @param {Measures} measures
 * @param {View} view
 * @returns {Point}
 */
export const shifts = ({ box, width, height, right, down }, { scale, x, y }) => ({
  x: shift({ size: width, frame: box.width, away: right }, scale, x),
  y: shift({ size: height, frame: box.height, away: down }, scale, y),
});

/**
 * The view at another scale, at which what is under `point` stays there; from the frame's middle without one.
 * @param {View} view
 * @param {number} scale
 * @param {Measures} measures
 * @param {Point | null} point
 * @returns {View}
 */
export function zoomTo(view, scale, { box, width, height, right, down }, point = null) {
  if (scale === LEAST) return { scale, x: 0, y: 0 };
  const middle = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  const at = point ?? middle;
  const part = 1 - scale / view.scale;
  const [across, along] = [view.x * width, view.y * height];
  return {
    scale,
    x: (across + (at.x - middle.x - right - across) * part) / (width || 1),
    y: (along + (at.y - middle.y - down - along) * part) / (height || 1),
  };
}

/**
 * What two fingers do: how much farther apart they are, and where their middle was and is.
 * @param {Point[]} before
 * @param {Point[]} after
 */
export function pinch(before, after) {
  /** @param {Point[]} fingers */
  const spread = ([one, other]) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
  /** @param {Point[]} fingers */
  const middle = ([one, other]) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
  return { factor: spread(after) / spread(before), from: middle(before), to: middle(after) };
}

/**
 * The scale's factor for a turn of the wheel; a pinch on a touchpad comes as one with Ctrl, in small steps.
 * @param {{ deltaY: number, isInLines: boolean, ctrlKey: boolean }} wheel
 */
export const wheelFactor = ({ deltaY, isInLines, ctrlKey }) =>
  Math.exp(-deltaY * (isInLines ? 16 : 1) * (ctrlKey ? 0.01 : 0.002));

/**
 * The scale that a button or a key leads to.
 * @param {string} what "in", "out" or "fit"
 * @param {number} scale
 */
export function stepTo(what, scale) {
  if (what === "fit") return LEAST;
  return what === "in" ? scale * STEP : scale / STEP;
}

/**
 * Of one picture, how large its own pixels are; of several, how much larger than at first.
 * @param {number} scale
 * @param {number} whole pixels of the original for each pixel of the page at scale 1
 * @param {boolean} isAlone
 */
export const sizeWords = (scale, whole, isAlone) =>
  isAlone ? `${Math.round((scale / whole) * 100)} %` : `${scale.toFixed(1)} ×`;

/**
 * Whether a thumbnail has not enough pixels for what is seen of the picture, and the original has more.
 * @param {number} seen device pixels across the whole picture
 * @param {number} thumbnail pixels
 * @param {number} original pixels
 */
export const isTooCoarse = (seen, thumbnail, original) => seen > thumbnail * 1.05 && original > thumbnail;

/**
 * The width that a thumbnail's address ends with, NaN if it is no thumbnail's.
 * @param {string} address
 */
export const widthOf = (address) => Number(/\/(\d+)\.\w+$/.exec(address.split("?")[0])?.[1]);
