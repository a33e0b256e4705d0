// Which part of a picture stays, as gallery/images/adjust.py reckons it. Lengths are pixels.

/** @typedef {{ width: number, height: number }} Size */
/** @typedef {{ x: number, y: number }} Point from 0 to 1, across and down */
/** @typedef {{ left: number, top: number, width: number, height: number }} Box */

/**
 * "4:5" and the like as a size; null for anything else.
 * @param {string} text
 * @returns {Size | null}
 */
export function ratioOf(text) {
  const found = /^\s*([1-9]\d{0,3})\s*[:x×/]\s*([1-9]\d{0,3})\s*$/.exec(text);
  return found ? { width: Number(found[1]), height: Number(found[2]) } : null;
}

/**
 * The part that stays when it is cropped.
 * @param {Size} size
 * @param {Size | null} ratio null keeps the picture's own
 * @param {Point} focus
 * @param {number} zoom
 * @returns {Box}
 */
export function cropBox(size, ratio, focus, zoom) {
  const scale = ratio ? Math.min(size.width / ratio.width, size.height / ratio.height) / zoom : 1 / zoom;
  const { width, height } = ratio ?? size;
  const kept = { width: Math.max(1, width * scale), height: Math.max(1, height * scale) };
  return { ...kept, left: (size.width - kept.width) * focus.x, top: (size.height - kept.height) * focus.y };
}

/**
 * Where the picture lies in the smallest frame of that ratio that has room for all of it.
 * @param {Size} size
 * @param {Size | null} ratio
 * @param {Point} focus
 * @returns {{ frame: Size, left: number, top: number }}
 */
export function padded(size, ratio, focus) {
  const frame = ratio
    ? {
        width: Math.max(size.width, (size.height * ratio.width) / ratio.height),
        height: Math.max(size.height, (size.width * ratio.height) / ratio.width),
      }
    : size;
  return { frame, left: (frame.width - size.width) * focus.x, top: (frame.height - size.height) * focus.y };
}

/**
 * The focus after the picture was dragged under its frame; it stays where there is no room.
 * @param {Point} focus
 * @param {Point} moved in pixels of the picture
 * @param {Size} room how much larger the picture is than its frame; negative if it is smaller
 * @returns {Point}
 */
export function dragged(focus, moved, room) {
  /** @type {(from: number, by: number, space: number) => number} */
  const along = (from, by, space) => (Math.abs(space) < 1 ? from : Math.max(0, Math.min(1, from - by / space)));
  return { x: along(focus.x, moved.x, room.width), y: along(focus.y, moved.y, room.height) };
}

/**
 * Where a logo lies: `share` of the frame's width, whole, and off the edge by a thirtieth of the shorter side.
 * @param {Size} frame
 * @param {Size} logo
 * @param {string} place
 * @param {number} share
 * @returns {Box}
 */
export function logoBox(frame, logo, place, share) {
  const margin = Math.min(frame.width, frame.height) * 0.03;
  const room = { width: frame.width - 2 * margin, height: frame.height - 2 * margin };
  const scale = Math.min((frame.width * share) / logo.width, room.width / logo.width, room.height / logo.height);
  const size = { width: logo.width * scale, height: logo.height * scale };
  const across = place === "centre" ? 0.5 : Number(place.endsWith("right"));
  const down = place === "centre" ? 0.5 : Number(place.startsWith("bottom"));
  return {
    ...size,
    left: margin + (room.width - size.width) * across,
    top: margin + (room.height - size.height) * down,
  };
}
