// What is drawn on a mask, and what is said of it. Lengths are pixels of the mask, unless they are parts of it.
import { gettext } from "../base/words.js";

/** @typedef {[x: number, y: number]} Spot */
/** @typedef {{ kind: "line", erase: boolean, size: number, points: Spot[] }} Line `size` is the brush's diameter */
/** @typedef {{ kind: "region", erase: boolean, box: number[] }} Region left, top, width, height in parts of the mask */
/** @typedef {Line | Region | { kind: "clear" } | { kind: "invert" }} Step */

const LONGEST = 1024; // pixels of the mask's longer side

/**
 * How large the mask of a picture is: in its proportions, and no larger than the picture.
 * @param {number} width
 * @param {number} height
 */
export function maskSize(width, height) {
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** What was drawn, so that it can be drawn again without the last. */
export class Steps {
  constructor() {
    /** @type {Step[]} */
    this.done = [];
    /** @type {Step[]} */
    this.undone = [];
  }

  /** @param {Step} step */
  add(step) {
    this.done.push(step);
    this.undone = [];
  }

  /** Takes the last step back; answers it, or undefined if there is none. */
  undo() {
    const step = this.done.pop();
    if (step) this.undone.push(step);
    return step;
  }

  /** Does the step again that was taken back last; answers it, or undefined. */
  redo() {
    const step = this.undone.pop();
    if (step) this.done.push(step);
    return step;
  }
}

/**
 * A box in pixels.
 * @param {number[]} box in parts of the mask
 * @param {number} width
 * @param {number} height
 * @returns {[x: number, y: number, width: number, height: number]}
 */
export const inPixels = ([x, y, across, down], width, height) => [x * width, y * height, across * width, down * height];

/**
 * The brush's diameter.
 * @param {number} percent of the mask's shorter side
 * @param {number} width
 * @param {number} height
 */
export const diameterOf = (percent, width, height) => Math.max(3, (Math.min(width, height) * percent) / 100);

/**
 * Where on the mask a place of the window is.
 * @param {{ clientX: number, clientY: number }} event
 * @param {{ left: number, top: number, width: number, height: number }} box of the mask in the window
 * @param {number} width
 * @param {number} height
 * @returns {Spot}
 */
export const spotOf = ({ clientX, clientY }, box, width, height) => [
  ((clientX - box.left) / box.width) * width,
  ((clientY - box.top) / box.height) * height,
];

/** @type {Map<string, Spot>} */
const WAYS = new Map([
  ["ArrowLeft", [-1, 0]],
  ["ArrowRight", [1, 0]],
  ["ArrowUp", [0, -1]],
  ["ArrowDown", [0, 1]],
]);

/**
 * Where an arrow key leads the brush: by half its diameter, and not off the mask. Null for other keys.
 * @param {string} key
 * @param {Spot} from
 * @param {number} diameter
 * @param {number} width
 * @param {number} height
 * @returns {Spot | null}
 */
export function ledTo(key, [x, y], diameter, width, height) {
  const way = WAYS.get(key);
  if (!way) return null;
  const far = Math.max(2, diameter / 2);
  return [Math.min(width, Math.max(0, x + way[0] * far)), Math.min(height, Math.max(0, y + way[1] * far))];
}

/**
 * The square that a model sees of a picture that is cut off; null if nothing is cut.
 * @param {string | undefined} fit "start", "centre" or "end" of the longer side; "pad" cuts nothing
 * @param {number} width
 * @param {number} height
 */
export function keptSquare(fit, width, height) {
  if (!fit || fit === "pad") return null;
  const side = Math.min(width, height);
  const part = fit === "start" ? 0 : fit === "end" ? 1 : 0.5;
  return { left: (width - side) * part, top: (height - side) * part, side };
}

/**
 * How much is marked, in percent; 0 only if nothing is.
 * @param {ArrayLike<number>} data red, green, blue and opacity of each pixel, 0 to 255
 */
export function markedPercent(data) {
  let sum = 0;
  for (let at = 3; at < data.length; at += 4) sum += data[at];
  return sum && Math.max(0.1, (100 * sum) / (255 * (data.length / 4)));
}

/**
 * @param {number} percent
 * @param {string} nothing what to say if nothing is marked
 */
export function markedWords(percent, nothing) {
  if (!percent) return nothing;
  return percent < 1
    ? gettext("Marked: less than 1 % of the picture.")
    : gettext("Marked: %(percent)s % of the picture.", { percent: Math.round(percent) });
}

/**
 * Where the brush is.
 * @param {Spot} brush
 * @param {number} width
 * @param {number} height
 * @param {boolean} isMarked
 */
export function whereWords([x, y], width, height, isMarked) {
  const [across, down] = [Math.round((100 * x) / width), Math.round((100 * y) / height)];
  return isMarked
    ? gettext("Brush %(across)s % from the left, %(down)s % from the top, on marked ground.", { across, down })
    : gettext("Brush %(across)s % from the left, %(down)s % from the top, on unmarked ground.", { across, down });
}

/**
 * What a key does, apart from the arrows.
 * @param {{ key: string, isCommand: boolean, shiftKey: boolean }} pressed `isCommand`: with Ctrl or ⌘
 * @returns {"undo" | "redo" | "paint" | "tool" | "smaller" | "larger" | null}
 */
export function keyMeans({ key, isCommand, shiftKey }) {
  if (isCommand) {
    if (key === "z" && !shiftKey) return "undo";
    return key.toLowerCase() === "z" || key === "y" ? "redo" : null;
  }
  if (key === " ") return "paint";
  if (key === "e") return "tool";
  if (key === "[") return "smaller";
  return key === "]" ? "larger" : null;
}
