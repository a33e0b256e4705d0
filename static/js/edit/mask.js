// Marking what of a picture is painted anew, with mouse, finger, pen or keys. What is marked goes along with the form
// as a PNG file that is transparent there.
import { byId, closest, find, need } from "../base/dom.js";
import { gettext } from "../base/words.js";
import {
  diameterOf,
  inPixels,
  keptSquare,
  keyMeans,
  ledTo,
  markedPercent,
  markedWords,
  maskSize,
  Steps,
  spotOf,
  whereWords,
} from "./mask_steps.js";

/** @typedef {import("./mask_steps.js").Step} Step */
/** @typedef {import("./mask_steps.js").Line} Line */
/** @typedef {import("./mask_steps.js").Spot} Spot */

const SMALL = 64; // pixels a side of the copy on which is counted how much is marked

/**
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLFormElement} form
 */
function equip(canvas, form) {
  const tools = need(document, "#mask-tools", HTMLElement);
  const said = need(document, "#mask-said", HTMLElement);
  const size = need(document, "#mask-size", HTMLInputElement);
  const input = need(form, "input[type=file][name=mask]", HTMLInputElement);
  Object.assign(canvas, maskSize(Number(canvas.dataset.width), Number(canvas.dataset.height)));
  const { width, height } = canvas;
  const view = contextOf(canvas);
  const mask = layer(width, height);
  const stripes = makeStripes();
  const steps = new Steps();
  /** @type {Line | null} */
  let line = null; // being drawn
  /** @type {Spot} */
  let brush = [width / 2, height / 2];
  let isShown = false; // the brush

  // -- drawing

  /**
   * @param {Step} step
   * @param {number} from the first point of a line that is not drawn yet
   */
  function draw(step, from = 0) {
    const { context } = mask;
    const erases = "erase" in step && step.erase;
    context.globalCompositeOperation = erases ? "destination-out" : "source-over";
    if (step.kind === "clear") {
      context.clearRect(0, 0, width, height);
    } else if (step.kind === "invert") {
      context.globalCompositeOperation = "xor";
      context.fillRect(0, 0, width, height);
    } else if (step.kind === "region") {
      context.fillRect(...inPixels(step.box, width, height));
    } else {
      const points = step.points.slice(Math.max(0, from - 1));
      context.lineCap = "round";
      context.lineJoin = "round";
      context.lineWidth = step.size;
      context.beginPath();
      if (points.length === 1) {
        context.arc(...points[0], step.size / 2, 0, 2 * Math.PI);
        context.fill();
        return;
      }
      for (const point of points) context.lineTo(...point);
      context.stroke();
    }
  }

  function drawAll() {
    mask.context.clearRect(0, 0, width, height);
    for (const step of steps.done) draw(step);
  }

  /** @param {Step} step */
  function add(step) {
    draw(step);
    steps.add(step);
    changed();
  }

  const diameter = () => diameterOf(Number(size.value), width, height);
  const tool = () => need(tools, "[name=mask-tool]:checked", HTMLInputElement).value;
  const erasing = () => tool() === "erase";

  function begin() {
    line = { kind: "line", erase: erasing(), size: diameter(), points: [brush] };
    draw(line);
    show();
  }

  function goOn() {
    if (!line) return;
    line.points.push(brush);
    draw(line, line.points.length - 1);
    show();
  }

  function end() {
    if (!line) return;
    steps.add(line);
    line = null;
    changed();
  }

  function discardLine() {
    line = null;
    drawAll();
    show();
  }

  function undo() {
    if (!steps.undo()) return;
    drawAll();
    changed();
  }

  function redo() {
    const step = steps.redo();
    if (!step) return;
    draw(step);
    changed();
  }

  /** @param {string} what */
  function act(what) {
    if (what === "undo") undo();
    else if (what === "redo") redo();
    else if (what === "invert") add({ kind: "invert" });
    else if (what === "clear" && share()) add({ kind: "clear" });
  }

  // -- what one sees and hears

  function show() {
    requestAnimationFrame(() => {
      view.globalCompositeOperation = "source-over";
      view.clearRect(0, 0, width, height);
      view.drawImage(mask.canvas, 0, 0);
      view.globalCompositeOperation = "source-in";
      view.fillStyle = stripes;
      view.fillRect(0, 0, width, height);
      view.globalCompositeOperation = "source-over";
      shadeCutOff();
      if (isShown) ring();
    });
  }

  function ring() {
    const pixel = width / (canvas.clientWidth || width);
    circle("#000", 4 * pixel, []);
    circle("#fff", 2 * pixel, erasing() ? [6 * pixel, 4 * pixel] : []);
    view.setLineDash([]);
  }

  /**
   * @param {string} colour
   * @param {number} thickness
   * @param {number[]} dashes
   */
  function circle(colour, thickness, dashes) {
    view.strokeStyle = colour;
    view.lineWidth = thickness;
    view.setLineDash(dashes);
    view.beginPath();
    view.arc(...brush, diameter() / 2, 0, 2 * Math.PI);
    view.stroke();
  }

  const rules = () => find(form, "[data-rules]", HTMLElement);

  // A model that takes squares gets a part of the picture only.
  function shadeCutOff() {
    if (!rules()?.hasAttribute("data-square")) return;
    const kept = keptSquare(find(form, "[name=fit]:checked", HTMLInputElement)?.value, width, height);
    if (!kept) return;
    view.fillStyle = "rgb(0 0 0 / .72)";
    view.beginPath();
    view.rect(0, 0, width, height);
    view.rect(kept.left, kept.top, kept.side, kept.side);
    view.fill("evenodd");
  }

  function share() {
    const small = layer(SMALL, SMALL);
    small.context.drawImage(mask.canvas, 0, 0, SMALL, SMALL);
    return markedPercent(small.context.getImageData(0, 0, SMALL, SMALL).data);
  }

  function say(before = "") {
    const words = markedWords(share(), rules()?.dataset.nothing ?? "");
    const text = before ? `${before} ${words}` : words;
    if (said.textContent !== text) said.textContent = text;
  }

  const takesMask = () => !rules()?.hasAttribute("data-no-mask");

  // A model without masks has no use for the tools. What was marked stays for the next one.
  function showTools() {
    tools.hidden = canvas.hidden = !takesMask();
    const unsent = find(form, "[data-mask-unsent]", HTMLElement);
    if (unsent) unsent.hidden = !share();
  }

  function changed() {
    showTools();
    need(tools, "[data-mask-do=undo]", HTMLElement).ariaDisabled = String(!steps.done.length);
    need(tools, "[data-mask-do=redo]", HTMLElement).ariaDisabled = String(!steps.undone.length);
    show();
    say();
  }

  // -- mouse, finger, pen

  /** @param {PointerEvent} event */
  function point(event) {
    brush = spotOf(event, canvas.getBoundingClientRect(), width, height);
    isShown = true;
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    point(event);
    begin();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!event.isPrimary) return;
    const moves = line ? (event.getCoalescedEvents?.() ?? []) : [];
    for (const move of moves.length ? moves : [event]) {
      point(move);
      goOn();
    }
    show();
  });
  canvas.addEventListener("pointerup", (event) => event.isPrimary && end());
  // Two fingers zoom the page: what the first of them began to draw was not meant.
  canvas.addEventListener("pointercancel", discardLine);
  canvas.addEventListener("pointerleave", () => {
    isShown = canvas.matches(":focus-visible");
    show();
  });

  // -- keys

  /**
   * @param {Spot} to
   * @param {boolean} along whether it paints on the way
   */
  function move(to, along) {
    if (along && !line) begin();
    brush = to;
    isShown = true;
    goOn();
    show();
    sayWhere();
  }

  function sayWhere() {
    const [x, y] = [Math.floor(Math.min(width - 1, brush[0])), Math.floor(Math.min(height - 1, brush[1]))];
    const isMarked = mask.context.getImageData(x, y, 1, 1).data[3] > 127;
    say(whereWords(brush, width, height, isMarked));
  }

  /** @param {number} by */
  function resize(by) {
    size.value = String(Number(size.value) + by);
    show();
    say(gettext("Brush size %(size)s.", { size: size.value }));
  }

  function changeTool() {
    need(tools, "[name=mask-tool]:not(:checked)", HTMLInputElement).checked = true;
    show();
    say(erasing() ? gettext("Erasing.") : gettext("Drawing."));
  }

  /** @param {ReturnType<typeof keyMeans>} meant */
  function runKey(meant) {
    if (meant === "undo") undo();
    else if (meant === "redo") redo();
    else if (meant === "tool") changeTool();
    else if (meant === "smaller") resize(-2);
    else if (meant === "larger") resize(2);
    else if (meant === "paint" && !line) begin();
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.altKey) return;
    const { key, shiftKey } = event;
    const isCommand = event.ctrlKey || event.metaKey;
    const to = isCommand ? null : ledTo(key, brush, diameter(), width, height);
    const meant = keyMeans({ key, isCommand, shiftKey });
    if (to) move(to, shiftKey);
    else runKey(meant);
    if (to || meant) event.preventDefault();
  });
  canvas.addEventListener("keyup", (event) => {
    if (line && (event.key === " " || event.key === "Shift")) {
      end();
      sayWhere();
    }
  });
  canvas.addEventListener("focus", () => {
    if (!canvas.matches(":focus-visible")) return;
    isShown = true;
    show();
    sayWhere();
  });
  canvas.addEventListener("blur", () => {
    end();
    isShown = false;
    changed();
  });

  // -- the tools

  tools.addEventListener("click", (event) => {
    const { maskDo, maskRegion } = closest(event.target, "button", HTMLButtonElement)?.dataset ?? {};
    if (maskDo) act(maskDo);
    if (maskRegion) add({ kind: "region", box: maskRegion.split(" ").map(Number), erase: erasing() });
  });
  form.addEventListener("change", show);
  document.addEventListener("htmx:after:settle", changed);
  addEventListener("resize", show);

  // -- along with the form

  function file() {
    const { canvas: result, context } = layer(width, height);
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = "destination-out";
    context.drawImage(mask.canvas, 0, 0);
    // At once, since a submit does not wait.
    const bytes = Uint8Array.from(atob(result.toDataURL("image/png").split(",")[1]), (char) => char.charCodeAt(0));
    return new File([bytes], "mask.png", { type: "image/png" });
  }

  document.addEventListener(
    "submit",
    (event) => {
      if (event.target !== form) return;
      const list = new DataTransfer();
      if (takesMask() && share()) list.items.add(file());
      input.files = list.files;
    },
    { capture: true },
  );

  // Gone back to after Generate, the page asks for something new: its token is spent.
  addEventListener("pageshow", (event) => {
    const token = find(form, "[name=token]", HTMLInputElement);
    const [arrival] = performance.getEntriesByType("navigation");
    const isBack = arrival instanceof PerformanceNavigationTiming && arrival.type === "back_forward";
    if (!token || !(event.persisted || isBack)) return;
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    token.value = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  });

  need(form, "[data-mask-file]", HTMLElement).hidden = true;
  changed();
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
function contextOf(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("This browser draws nothing");
  return context;
}

/**
 * @param {number} width
 * @param {number} height
 */
function layer(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return { canvas, context: contextOf(canvas, { willReadFrequently: true }) };
}

// Light and dark by turns, so that it shows on any picture, to any eye.
function makeStripes() {
  const { canvas, context } = layer(16, 16);
  context.fillStyle = "rgb(32 27 0 / .62)";
  context.fillRect(0, 0, 16, 16);
  context.strokeStyle = "rgb(246 213 31 / .82)";
  context.lineWidth = 5.5;
  context.beginPath();
  for (const from of [-16, 0, 16]) {
    context.moveTo(from - 2, 18);
    context.lineTo(from + 18, -2);
  }
  context.stroke();
  const pattern = context.createPattern(canvas, "repeat");
  if (!pattern) throw new Error("This browser draws nothing");
  return pattern;
}

export function start() {
  const canvas = byId("mask", HTMLCanvasElement);
  const form = byId("edit-form", HTMLFormElement);
  if (canvas && form) equip(canvas, form);
}
