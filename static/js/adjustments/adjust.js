// Shows what each version will look like while it is chosen. A drag on a preview moves what stays in it.
import { find, findAll, need } from "../base/dom.js";
import { cropBox, dragged, logoBox, padded, ratioOf } from "./geometry.js";

const LONGEST_SIDE = 720;

/**
 * The picture turned and mirrored as the form says.
 * @param {HTMLImageElement} image
 * @param {number} turns quarter turns clockwise
 * @param {boolean} isMirrored
 */
function turned(image, turns, isMirrored) {
  const scale = Math.min(1, (2 * LONGEST_SIDE) / Math.max(image.naturalWidth, image.naturalHeight));
  const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = turns % 2 ? [height, width] : [width, height];
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  context.translate(canvas.width / 2, canvas.height / 2);
  if (isMirrored) context.scale(-1, 1);
  context.rotate((turns * Math.PI) / 2);
  context.drawImage(image, -width / 2, -height / 2, width, height);
  return canvas;
}

/** @param {HTMLFormElement} form */
function equip(form) {
  const image = need(document, "[data-adjust-source]", HTMLImageElement);
  const previews = need(document, "[data-adjust-previews]", HTMLElement);
  const field = (/** @type {string} */ name) => need(form, `[name=${name}]`, HTMLInputElement);
  const [focusX, focusY] = [field("focus_x"), field("focus_y")];
  // A slow drag moves by less than a hundredth. The server takes whole ones.
  for (const input of [focusX, focusY]) input.step = "any";
  let isDrawn = false;

  const read = () => {
    const data = new FormData(form);
    const text = (/** @type {string} */ name) => String(data.get(name) ?? "");
    const ratios = data.getAll("shapes").map((shape) => ratioOf(String(shape)));
    const own = ratioOf(text("own_shape"));
    if (own) ratios.push(own);
    return {
      ratios: ratios.length ? ratios : [null],
      isPadded: text("fit") === "pad",
      focus: { x: Number(focusX.value) / 100, y: Number(focusY.value) / 100 },
      zoom: Number(text("zoom")) / 100 || 1,
      background: data.has("has_background") ? text("background") : "",
      logo: find(form, "[name=logo]:checked ~ img", HTMLImageElement),
      place: text("place"),
      share: Number(text("logo_size")) / 100,
      opacity: Number(text("opacity")) / 100,
      source: turned(image, Number(text("turns")), data.has("mirror")),
    };
  };

  /** @param {HTMLCanvasElement} canvas @param {import("./geometry.js").Size | null} ratio @param {ReturnType<typeof read>} now */
  const paint = (canvas, ratio, now) => {
    const { source, focus, isPadded } = now;
    const box = cropBox(source, ratio, focus, now.zoom);
    const around = padded(source, ratio, focus);
    const frame = isPadded ? around.frame : box;
    const scale = Math.min(1, LONGEST_SIDE / Math.max(frame.width, frame.height));
    canvas.width = Math.max(1, Math.round(frame.width * scale));
    canvas.height = Math.max(1, Math.round(frame.height * scale));
    canvas.dataset.room = isPadded
      ? `${source.width - frame.width} ${source.height - frame.height}`
      : `${source.width - box.width} ${source.height - box.height}`;
    canvas.dataset.scale = String(scale);
    const context = canvas.getContext("2d");
    if (!context) return;
    if (now.background) {
      context.fillStyle = now.background;
      context.fillRect(0, 0, canvas.width, canvas.height);
    }
    const [left, top] = isPadded ? [around.left, around.top] : [-box.left, -box.top];
    context.drawImage(source, left * scale, top * scale, source.width * scale, source.height * scale);
    if (now.logo?.complete && now.logo.naturalWidth) {
      const size = { width: now.logo.naturalWidth, height: now.logo.naturalHeight };
      const mark = logoBox(canvas, size, now.place, now.share);
      context.globalAlpha = now.opacity;
      context.drawImage(now.logo, mark.left, mark.top, mark.width, mark.height);
    }
  };

  const draw = () => {
    isDrawn = false;
    if (!image.complete || !image.naturalWidth) return;
    const now = read();
    const canvases = findAll(previews, "canvas", HTMLCanvasElement);
    while (canvases.length < now.ratios.length) {
      const canvas = document.createElement("canvas");
      previews.append(canvas);
      canvases.push(canvas);
    }
    for (const canvas of canvases.splice(now.ratios.length)) canvas.remove();
    now.ratios.forEach((ratio, place) => {
      const canvas = canvases[place];
      if (canvas) paint(canvas, ratio, now);
    });
    previews.hidden = false;
    image.hidden = true;
  };
  const drawSoon = () => {
    if (isDrawn) return;
    isDrawn = true;
    requestAnimationFrame(draw);
  };

  previews.addEventListener("pointerdown", (event) => {
    if (event.target instanceof HTMLCanvasElement) event.target.setPointerCapture(event.pointerId);
  });
  previews.addEventListener("pointermove", (event) => {
    const canvas = event.target;
    if (!(canvas instanceof HTMLCanvasElement) || !canvas.hasPointerCapture(event.pointerId)) return;
    const [width = 0, height = 0] = (canvas.dataset.room ?? "").split(" ").map(Number);
    // Pixels of the window to those of the picture.
    const factor = canvas.width / canvas.clientWidth / Number(canvas.dataset.scale);
    const moved = { x: event.movementX * factor, y: event.movementY * factor };
    const focus = dragged({ x: Number(focusX.value) / 100, y: Number(focusY.value) / 100 }, moved, { width, height });
    focusX.value = String(focus.x * 100);
    focusY.value = String(focus.y * 100);
    drawSoon();
  });
  form.addEventListener("submit", () => {
    for (const input of [focusX, focusY]) input.value = String(Math.round(Number(input.value)));
  });
  form.addEventListener("input", drawSoon);
  image.addEventListener("load", drawSoon);
  for (const logo of findAll(form, "[data-adjust-logo]", HTMLImageElement)) logo.addEventListener("load", drawSoon);
  drawSoon();
}

export function start() {
  const form = find(document, "form[data-adjust]", HTMLFormElement);
  if (form) equip(form);
}
