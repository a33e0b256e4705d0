// A closer look: click, double tap, pinch, the wheel, + − 0, buttons; and swiping to the picture beside it.
// [data-zoom] is what one looks through, [data-zoom-pic] inside it is what becomes larger. Frames of one
// [data-zoom-together] move together.
import { keysAreOn } from "../base/keys.js";
import { announce, isTyping, onContent } from "../base/page.js";

const LEAST = 1;
const STEP = 1.5;
const SWIPE = 50; // pixels
const twoColumns = matchMedia("(width >= 62rem)");
const clamp = (value, most) => Math.max(-most, Math.min(most, value));

// How large a frame and its picture are, and how far the picture's middle is from the frame's.
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
  constructor(frames, root) {
    this.panes = frames.map((frame) => ({ frame, pic: frame.querySelector("[data-zoom-pic]") }));
    this.root = root;
    this.tools = root.querySelector("[data-zoom-tools]");
    // The middle's distance in parts of the picture, so that it means the same in frames of any size.
    [this.scale, this.x, this.y] = [1, 0, 0];
    this.pointers = new Map();
    for (const pane of this.panes) this.listen(pane);
    this.tools?.removeAttribute("hidden");
    this.tools?.addEventListener("click", (event) => {
      const by = event.target.closest("[data-zoom-by]")?.dataset.zoomBy;
      if (by) this.by(by);
    });
    this.apply();
  }

  get isZoomed() {
    return this.scale > 1.001;
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
      const { box, width, height, right, down } = measure(pane);
      const room = (size, frame) => Math.max(0, (size * this.scale - frame) / 2);
      const across = room(width, box.width) ? clamp(right + this.x * width, room(width, box.width)) - right : 0;
      const along = room(height, box.height) ? clamp(down + this.y * height, room(height, box.height)) - down : 0;
      if (pane === (this.active ?? this.panes[0])) {
        this.x = width ? across / width : 0;
        this.y = height ? along / height : 0;
      }
      pane.pic.style.transform = this.isZoomed ? `translate(${across}px, ${along}px) scale(${this.scale})` : "";
      pane.frame.toggleAttribute("data-zoomed", this.isZoomed);
      if (this.isZoomed) this.sharpen(pane, width);
    }
    const percent = this.tools?.querySelector("[data-zoom-percent]");
    // Of one picture, how large its own pixels are; of several, how much larger than at first.
    const size =
      this.panes.length > 1 ? `${this.scale.toFixed(1)} ×` : `${Math.round((this.scale / this.whole) * 100)} %`;
    if (percent) percent.textContent = size;
  }

  // The original, once the thumbnail has not enough pixels for what is seen of it.
  sharpen({ pic }, width) {
    const image = pic.querySelector("img");
    const thumbnail = Number(/\/(\d+)\.\w+$/.exec(image.currentSrc.split("?")[0])?.[1]);
    if (!pic.dataset.original || pic.dataset.sharp || !thumbnail) return;
    if (width * this.scale * devicePixelRatio <= thumbnail * 1.05 || Number(pic.dataset.width) <= thumbnail) return;
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

  // So that what is under this place of the window stays there.
  to(scale, at = null, pane = this.active ?? this.panes[0]) {
    const next = Math.max(LEAST, Math.min(this.most, scale));
    const { box, width, height, right, down } = measure(pane);
    const middle = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
    const point = at ?? middle;
    const part = 1 - next / this.scale;
    const [across, along] = [this.x * width, this.y * height];
    this.x = (across + (point.x - middle.x - right - across) * part) / (width || 1);
    this.y = (along + (point.y - middle.y - down - along) * part) / (height || 1);
    this.scale = next;
    this.active = pane;
    if (next === LEAST) [this.x, this.y] = [0, 0];
    this.apply();
  }

  by(what) {
    this.to(what === "fit" ? LEAST : what === "in" ? this.scale * STEP : this.scale / STEP);
    const percent = this.tools?.querySelector("[data-zoom-percent]")?.textContent;
    announce(this.isZoomed ? (percent ?? "Larger") : "All of the picture");
  }

  // Between all of it, and the original's own size.
  toggle(at, pane) {
    this.to(this.isZoomed ? LEAST : Math.max(2, this.whole / devicePixelRatio), at, pane);
  }

  pan(across, along, pane = this.active ?? this.panes[0]) {
    const { width, height } = measure(pane);
    this.active = pane;
    this.x += across / (width || 1);
    this.y += along / (height || 1);
    this.apply();
  }

  turn(to) {
    this.root.querySelector(`a[rel="${to}"]`)?.click();
  }

  // -- with a pointer

  listen(pane) {
    const { frame, pic } = pane;
    frame.addEventListener("dragstart", (event) => event.target.closest("[data-zoom-pic]") && event.preventDefault());
    frame.addEventListener("pointerdown", (event) => {
      if (event.button || event.target.closest("a, button, input, label")) return;
      if (!this.pointers.size) {
        this.start = { x: event.clientX, y: event.clientY, at: event.timeStamp, onPic: pic.contains(event.target) };
        this.moved = false;
      }
      this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      this.pinched ||= this.pointers.size > 1;
      this.active = pane;
      frame.setPointerCapture(event.pointerId);
    });
    frame.addEventListener("pointermove", (event) => this.move(event, pane));
    frame.addEventListener("pointerup", (event) => this.end(event, pane));
    frame.addEventListener("pointercancel", (event) => {
      this.pointers.delete(event.pointerId);
      this.let();
    });
    frame.addEventListener(
      "wheel",
      (event) => {
        const wanted = event.ctrlKey || this.isZoomed || (twoColumns.matches && pic.contains(event.target));
        if (!wanted || (!this.isZoomed && event.deltaY > 0 && !event.ctrlKey)) return;
        event.preventDefault();
        const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
        const scale = this.scale * Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002));
        this.to(scale, { x: event.clientX, y: event.clientY }, pane);
      },
      { passive: false },
    );
  }

  move(event, pane) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const now = { x: event.clientX, y: event.clientY };
    const before = [...this.pointers.values()];
    this.pointers.set(event.pointerId, now);
    const far = Math.hypot(now.x - this.start.x, now.y - this.start.y) > 8;
    this.moved ||= far;
    if (this.pointers.size === 2) {
      const after = [...this.pointers.values()];
      const spread = ([one, other]) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
      const middle = ([one, other]) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
      const [from, to] = [middle(before), middle(after)];
      this.to((this.scale * spread(after)) / spread(before), to, pane);
      if (this.isZoomed) this.pan(to.x - from.x, to.y - from.y, pane);
    } else if (this.isZoomed && this.moved) {
      this.pan(now.x - last.x, now.y - last.y, pane);
      pane.frame.setAttribute("data-panning", "");
    } else if (event.pointerType === "touch" && !this.pinched && this.panes.length === 1 && this.moved) {
      pane.pic.style.transform = `translateX(${now.x - this.start.x}px)`;
    }
  }

  end(event, pane) {
    if (!this.pointers.delete(event.pointerId) || this.pointers.size) return;
    const [right, down] = [event.clientX - this.start.x, event.clientY - this.start.y];
    const point = { x: event.clientX, y: event.clientY };
    const isTouch = event.pointerType === "touch";
    const wasPinched = this.pinched;
    this.let();
    if (wasPinched) return;
    if (this.moved) {
      const isSwipe = Math.abs(right) > SWIPE && Math.abs(right) > 1.5 * Math.abs(down);
      if (isTouch && !this.isZoomed && isSwipe) this.turn(right < 0 ? "next" : "prev");
    } else if (this.start.onPic && !isTouch) {
      this.toggle(point, pane);
    } else if (this.start.onPic) {
      const isSecond = event.timeStamp - (this.tapped ?? -Infinity) < 350;
      this.tapped = isSecond ? -Infinity : event.timeStamp;
      if (isSecond) this.toggle(point, pane);
    }
  }

  let() {
    if (!this.pointers.size) this.pinched = false;
    for (const { frame } of this.panes) frame.removeAttribute("data-panning");
    this.apply();
  }
}

const zooms = new WeakMap();
onContent((root) => {
  for (const frame of root.querySelectorAll("[data-zoom]")) {
    const together = frame.closest("[data-zoom-together]");
    const key = together ?? frame;
    if (zooms.has(key)) continue;
    const frames = together ? [...together.querySelectorAll("[data-zoom]")] : [frame];
    zooms.set(key, new Zoom(frames, together ?? frame.closest(".viewer") ?? frame));
  }
});

// The one that is looked at: in the dialog, else on the page.
function current() {
  const place = document.querySelector("dialog[open]:not(#lightbox)") ?? null;
  if (place) return null;
  const frame = document.querySelector("#lightbox[open] [data-zoom], main [data-zoom]:not([hidden])");
  return frame && zooms.get(frame.closest("[data-zoom-together]") ?? frame);
}

const PANS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const SIZES = { "+": "in", "=": "in", "-": "out", _: "out" };

document.addEventListener(
  "keydown",
  (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.target.matches?.("input[type=radio], input[type=checkbox]") && event.key.startsWith("Arrow")) return;
    const zoom = current();
    if (!zoom) return;
    if (zoom.isZoomed && event.key in PANS) {
      const [across, along] = PANS[event.key];
      const { box } = measure(zoom.panes[0]);
      zoom.pan((across * box.width) / 6, (along * box.height) / 6);
    } else if (zoom.isZoomed && event.key === "Escape") {
      zoom.by("fit");
    } else if (keysAreOn() && event.key in SIZES) {
      zoom.by(SIZES[event.key]);
    } else if (keysAreOn() && zoom.isZoomed && event.key === "0") {
      zoom.by("fit");
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  },
  true,
);

addEventListener("resize", () => current()?.apply());
