// A closer look: click, double tap, pinch, the wheel, + − 0, buttons; and swiping to the picture beside it.
// [data-zoom] is what one looks through, [data-zoom-pic] inside it is what becomes larger. Frames of one
// [data-zoom-together] move together.
import { closest, find, findAll, matches, need } from "../base/dom.js";
import { keysAreOn } from "../base/keys.js";
import { announce, isTyping, onContent } from "../base/page.js";
import { gettext } from "../base/words.js";
import { swipeOf } from "./swipe.js";
import { isTooCoarse, LEAST, pinch, shifts, sizeWords, stepTo, wheelFactor, widthOf, zoomTo } from "./zoom_geometry.js";

/** @typedef {import("./zoom_geometry.js").Point} Point */
/** @typedef {import("./zoom_geometry.js").Measures} Measures */
/** @typedef {{ frame: HTMLElement, pic: HTMLElement }} Pane */

const SWIPE = 50; // pixels
const SWIPE_SLOPE = 1.5;
const STILL = 8; // pixels that a press may move and be a click
const DOUBLE = 350; // milliseconds between two taps

/**
 * @param {Pane} pane
 * @returns {Measures}
 */
function measure({ frame, pic }) {
  const box = frame.getBoundingClientRect();
  return {
    box,
    width: pic.offsetWidth,
    height: pic.offsetHeight,
    right: pic.offsetLeft + pic.offsetWidth / 2 - box.width / 2,
    down: pic.offsetTop + pic.offsetHeight / 2 - box.height / 2,
  };
}

class Zoom {
  /**
   * @param {HTMLElement[]} frames
   * @param {HTMLElement} root
   */
  constructor(frames, root) {
    /** @type {Pane[]} */
    this.panes = frames.map((frame) => ({ frame, pic: need(frame, "[data-zoom-pic]", HTMLElement) }));
    this.active = this.panes[0];
    this.root = root;
    this.tools = find(root, "[data-zoom-tools]", HTMLElement);
    this.view = { scale: LEAST, x: 0, y: 0 };
    /** @type {Map<number, Point>} */
    this.pointers = new Map();
    /** @type {{ x: number, y: number, onPic: boolean }} */
    this.start = { x: 0, y: 0, onPic: false };
    this.moved = false;
    this.pinched = false;
    this.tapped = -Infinity; // when, in milliseconds
    for (const pane of this.panes) this.listen(pane);
    this.tools?.removeAttribute("hidden");
    this.tools?.addEventListener("click", (event) => {
      const by = closest(event.target, "[data-zoom-by]", HTMLElement)?.dataset.zoomBy;
      if (by) this.by(by);
    });
    this.apply();
  }

  get isZoomed() {
    return this.view.scale > 1.001;
  }

  // Pixels of the original for each pixel of the page, at the size that shows all of it.
  get whole() {
    const { pic } = this.panes[0];
    return (Number(pic.dataset.width) || pic.offsetWidth) / (pic.offsetWidth || 1);
  }

  get most() {
    return Math.max(4, this.whole * 2);
  }

  apply() {
    for (const pane of this.panes) {
      const measures = measure(pane);
      const { x, y } = shifts(measures, this.view);
      if (pane === this.active) {
        this.view.x = measures.width ? x / measures.width : 0;
        this.view.y = measures.height ? y / measures.height : 0;
      }
      pane.pic.style.transform = this.isZoomed ? `translate(${x}px, ${y}px) scale(${this.view.scale})` : "";
      pane.frame.toggleAttribute("data-zoomed", this.isZoomed);
      if (this.isZoomed) this.sharpen(pane, measures.width);
    }
    const percent = this.percent();
    if (percent) percent.textContent = sizeWords(this.view.scale, this.whole, this.panes.length === 1);
  }

  percent() {
    return this.tools && find(this.tools, "[data-zoom-percent]", HTMLElement);
  }

  /**
   * Shows the original, once the thumbnail has not enough pixels for what is seen of it.
   * @param {Pane} pane
   * @param {number} width
   */
  sharpen({ pic }, width) {
    const thumbnail = widthOf(need(pic, "img", HTMLImageElement).currentSrc);
    if (!pic.dataset.original || pic.dataset.sharp || !thumbnail) return;
    const seen = width * this.view.scale * devicePixelRatio;
    if (!isTooCoarse(seen, thumbnail, Number(pic.dataset.width))) return;
    pic.dataset.sharp = "coming";
    const original = new Image();
    original.alt = "";
    original.className = "original";
    original.src = pic.dataset.original;
    original.decode().then(
      () => {
        pic.append(original);
        pic.dataset.sharp = "here";
      },
      () => delete pic.dataset.sharp,
    );
  }

  /**
   * So that what is under this place of the window stays there.
   * @param {number} scale
   * @param {Point | null} at
   * @param {Pane} pane
   */
  to(scale, at = null, pane = this.active) {
    const next = Math.max(LEAST, Math.min(this.most, scale));
    this.view = zoomTo(this.view, next, measure(pane), at);
    this.active = pane;
    this.apply();
  }

  /** @param {string} what "in", "out" or "fit" */
  by(what) {
    this.to(stepTo(what, this.view.scale));
    announce(this.isZoomed ? (this.percent()?.textContent ?? gettext("Larger")) : gettext("All of the picture"));
  }

  /**
   * Between all of it, and the original's own size.
   * @param {Point} at
   * @param {Pane} pane
   */
  toggle(at, pane) {
    this.to(this.isZoomed ? LEAST : Math.max(2, this.whole / devicePixelRatio), at, pane);
  }

  /**
   * @param {number} across pixels
   * @param {number} along pixels
   * @param {Pane} pane
   */
  pan(across, along, pane = this.active) {
    const { width, height } = measure(pane);
    this.active = pane;
    this.view.x += across / (width || 1);
    this.view.y += along / (height || 1);
    this.apply();
  }

  /** @param {"prev" | "next"} to */
  turn(to) {
    find(this.root, `a[rel="${to}"]`, HTMLAnchorElement)?.click();
  }

  // -- with a pointer

  /** @param {Pane} pane */
  listen(pane) {
    const { frame } = pane;
    frame.addEventListener("dragstart", (event) => {
      if (closest(event.target, "[data-zoom-pic]", HTMLElement)) event.preventDefault();
    });
    frame.addEventListener("pointerdown", (event) => this.begin(event, pane));
    frame.addEventListener("pointermove", (event) => this.move(event, pane));
    frame.addEventListener("pointerup", (event) => this.end(event, pane));
    frame.addEventListener("pointercancel", (event) => {
      this.pointers.delete(event.pointerId);
      this.release();
    });
    frame.addEventListener("wheel", (event) => this.wheel(event, pane), { passive: false });
  }

  /**
   * @param {PointerEvent} event
   * @param {Pane} pane
   */
  begin(event, pane) {
    if (event.button || closest(event.target, "a, button, input, label", HTMLElement)) return;
    if (!this.pointers.size) {
      const onPic = event.target instanceof Node && pane.pic.contains(event.target);
      this.start = { x: event.clientX, y: event.clientY, onPic };
      this.moved = false;
    }
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.pinched ||= this.pointers.size > 1;
    this.active = pane;
    pane.frame.setPointerCapture(event.pointerId);
  }

  /**
   * @param {WheelEvent} event
   * @param {Pane} pane
   */
  wheel(event, pane) {
    const { ctrlKey, deltaMode, deltaY } = event;
    const onPic = event.target instanceof Node && pane.pic.contains(event.target);
    const wanted = ctrlKey || this.isZoomed || (onPic && matchMedia("(width >= 62rem)").matches);
    if (!wanted || (!this.isZoomed && deltaY > 0 && !ctrlKey)) return;
    event.preventDefault();
    const factor = wheelFactor({ deltaY, ctrlKey, isInLines: deltaMode === WheelEvent.DOM_DELTA_LINE });
    this.to(this.view.scale * factor, { x: event.clientX, y: event.clientY }, pane);
  }

  /**
   * @param {PointerEvent} event
   * @param {Pane} pane
   */
  move(event, pane) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const now = { x: event.clientX, y: event.clientY };
    const before = [...this.pointers.values()];
    this.pointers.set(event.pointerId, now);
    this.moved ||= Math.hypot(now.x - this.start.x, now.y - this.start.y) > STILL;
    if (this.pointers.size === 2) {
      const { factor, from, to } = pinch(before, [...this.pointers.values()]);
      this.to(this.view.scale * factor, to, pane);
      if (this.isZoomed) this.pan(to.x - from.x, to.y - from.y, pane);
    } else if (this.isZoomed && this.moved) {
      this.pan(now.x - last.x, now.y - last.y, pane);
      pane.frame.setAttribute("data-panning", "");
    } else if (event.pointerType === "touch" && !this.pinched && this.panes.length === 1 && this.moved) {
      pane.pic.style.transform = `translateX(${now.x - this.start.x}px)`;
    }
  }

  /**
   * @param {PointerEvent} event
   * @param {Pane} pane
   */
  end(event, pane) {
    if (!this.pointers.delete(event.pointerId) || this.pointers.size) return;
    const point = { x: event.clientX, y: event.clientY };
    const isTouch = event.pointerType === "touch";
    const wasPinched = this.pinched;
    this.release();
    if (wasPinched) return;
    if (this.moved) {
      const rel = swipeOf(point.x - this.start.x, point.y - this.start.y, SWIPE, SWIPE_SLOPE);
      if (isTouch && !this.isZoomed && rel) this.turn(rel);
    } else if (this.start.onPic && !isTouch) {
      this.toggle(point, pane);
    } else if (this.start.onPic) {
      const isSecond = event.timeStamp - this.tapped < DOUBLE;
      this.tapped = isSecond ? -Infinity : event.timeStamp;
      if (isSecond) this.toggle(point, pane);
    }
  }

  release() {
    if (!this.pointers.size) this.pinched = false;
    for (const { frame } of this.panes) frame.removeAttribute("data-panning");
    this.apply();
  }
}

/** @type {WeakMap<Element, Zoom>} */
const zooms = new WeakMap();

/** @param {ParentNode} root */
function equip(root) {
  for (const frame of findAll(root, "[data-zoom]", HTMLElement)) {
    const together = closest(frame, "[data-zoom-together]", HTMLElement);
    const key = together ?? frame;
    if (zooms.has(key)) continue;
    const frames = together ? findAll(together, "[data-zoom]", HTMLElement) : [frame];
    zooms.set(key, new Zoom(frames, together ?? closest(frame, ".viewer", HTMLElement) ?? frame));
  }
}

// The one that is looked at: in the dialog, else on the page.
function current() {
  if (document.querySelector("dialog[open]:not(#lightbox)")) return null;
  const frame = document.querySelector("#lightbox[open] [data-zoom], main [data-zoom]:not([hidden])");
  return frame && zooms.get(frame.closest("[data-zoom-together]") ?? frame);
}

/** @type {Map<string, [across: number, along: number]>} */
const PANS = new Map([
  ["ArrowLeft", [1, 0]],
  ["ArrowRight", [-1, 0]],
  ["ArrowUp", [0, 1]],
  ["ArrowDown", [0, -1]],
]);
const SIZES = new Map([
  ["+", "in"],
  ["=", "in"],
  ["-", "out"],
  ["_", "out"],
]);

/**
 * What a key does to a zoom: moves it by parts of its frame, or changes its size.
 * @param {string} key
 * @param {boolean} isZoomed
 * @param {boolean} keysOn whether single keys are switched on
 * @returns {{ pan: [across: number, along: number] } | { size: string } | null}
 */
export function keyMeans(key, isZoomed, keysOn) {
  const pan = PANS.get(key);
  if (isZoomed && pan) return { pan };
  if (isZoomed && key === "Escape") return { size: "fit" };
  const size = keysOn && SIZES.get(key);
  if (size) return { size };
  return keysOn && isZoomed && key === "0" ? { size: "fit" } : null;
}

/** @param {KeyboardEvent} event */
function press(event) {
  if (event.isComposing || event.defaultPrevented || isTyping(event.target)) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (matches(event.target, "input[type=radio], input[type=checkbox]") && event.key.startsWith("Arrow")) return;
  const zoom = current();
  const meant = zoom && keyMeans(event.key, zoom.isZoomed, keysAreOn());
  if (!meant) return;
  if ("pan" in meant) {
    const { box } = measure(zoom.panes[0]);
    zoom.pan((meant.pan[0] * box.width) / 6, (meant.pan[1] * box.height) / 6);
  } else {
    zoom.by(meant.size);
  }
  event.preventDefault();
  event.stopPropagation();
}

export function start() {
  onContent(equip);
  document.addEventListener("keydown", press, true);
  addEventListener("resize", () => current()?.apply());
}
