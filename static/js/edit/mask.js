// Marking what of a picture is to be painted anew, with mouse, finger, pen or keys. What is marked goes along with the
// form as a PNG file that is transparent there.
const LONGEST = 1024; // pixels of the mask's longer side

const canvas = document.getElementById("mask");
const form = document.getElementById("edit-form");

if (canvas && form) {
  const tools = document.getElementById("mask-tools");
  const said = document.getElementById("mask-said");
  const size = document.getElementById("mask-size");
  const input = form.querySelector("input[type=file][name=mask]");
  const scale = Math.min(1, LONGEST / Math.max(canvas.dataset.width, canvas.dataset.height));
  canvas.width = Math.max(1, Math.round(canvas.dataset.width * scale));
  canvas.height = Math.max(1, Math.round(canvas.dataset.height * scale));
  const { width, height } = canvas;
  const view = canvas.getContext("2d");
  const mask = layer(width, height);
  const stripes = makeStripes();
  let done = []; // what was drawn, so that it can be drawn again without the last
  let undone = [];
  let line = null; // being drawn
  let brush = { x: width / 2, y: height / 2, shown: false };

  // -- what can be drawn: {line, erase, size, points}, {region, erase}, {clear}, {invert}

  function draw(step, from = 0) {
    const { context } = mask;
    context.globalCompositeOperation = step.erase ? "destination-out" : "source-over";
    if (step.clear) {
      context.clearRect(0, 0, width, height);
    } else if (step.invert) {
      context.globalCompositeOperation = "xor";
      context.fillRect(0, 0, width, height);
    } else if (step.region) {
      const [x, y, w, h] = step.region;
      context.fillRect(x * width, y * height, w * width, h * height);
    } else {
      const points = step.points.slice(Math.max(0, from - 1));
      context.lineCap = context.lineJoin = "round";
      context.lineWidth = step.size;
      context.beginPath();
      if (points.length === 1) {
        context.arc(...points[0], step.size / 2, 0, 2 * Math.PI);
        context.fill();
        return;
      }
      points.forEach((point) => context.lineTo(...point));
      context.stroke();
    }
  }

  function drawAll() {
    mask.context.clearRect(0, 0, width, height);
    done.forEach((step) => draw(step));
  }

  function add(step) {
    draw(step);
    done.push(step);
    undone = [];
    changed();
  }

  const diameter = () => Math.max(3, (Math.min(width, height) * size.value) / 100);
  const erasing = () => tools.querySelector("[name=mask-tool]:checked").value === "erase";

  function begin() {
    line = { line: true, erase: erasing(), size: diameter(), points: [[brush.x, brush.y]] };
    draw(line);
    show();
  }

  function goOn() {
    line.points.push([brush.x, brush.y]);
    draw(line, line.points.length - 1);
    show();
  }

  function end() {
    if (!line) return;
    done.push(line);
    undone = [];
    line = null;
    changed();
  }

  function giveUp() {
    line = null;
    drawAll();
    show();
  }

  const actions = {
    undo() {
      if (!done.length) return;
      undone.push(done.pop());
      drawAll();
      changed();
    },
    redo() {
      if (!undone.length) return;
      const step = undone.pop();
      draw(step);
      done.push(step);
      changed();
    },
    clear: () => share() && add({ clear: true }),
    invert: () => add({ invert: true }),
  };

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
      if (brush.shown) ring();
    });
  }

  function ring() {
    const pixel = width / (canvas.clientWidth || width);
    for (const [colour, thickness] of [
      ["#000", 4],
      ["#fff", 2],
    ]) {
      view.strokeStyle = colour;
      view.lineWidth = thickness * pixel;
      view.setLineDash(colour === "#fff" && erasing() ? [6 * pixel, 4 * pixel] : []);
      view.beginPath();
      view.arc(brush.x, brush.y, diameter() / 2, 0, 2 * Math.PI);
      view.stroke();
    }
    view.setLineDash([]);
  }

  // A model that takes squares gets a part of the picture only.
  function shadeCutOff() {
    const fit = form.querySelector("[name=fit]:checked")?.value;
    if (!rules()?.hasAttribute("data-square") || !fit || fit === "pad") return;
    const side = Math.min(width, height);
    const place = { start: 0, end: 1 }[fit] ?? 0.5;
    const [left, top] = [(width - side) * place, (height - side) * place];
    view.fillStyle = "rgb(0 0 0 / .72)";
    view.beginPath();
    view.rect(0, 0, width, height);
    view.rect(left, top, side, side);
    view.fill("evenodd");
  }

  const rules = () => form.querySelector("[data-rules]");

  // How much is marked, in percent; 0 only if nothing is.
  function share() {
    const small = layer(64, 64);
    small.context.drawImage(mask.canvas, 0, 0, 64, 64);
    const { data } = small.context.getImageData(0, 0, 64, 64);
    let sum = 0;
    for (let at = 3; at < data.length; at += 4) sum += data[at];
    return sum && Math.max(0.1, (100 * sum) / (255 * 64 * 64));
  }

  function say(before = "") {
    const percent = share();
    const rounded = percent < 1 ? "less than 1" : Math.round(percent);
    const words = percent ? `Marked: ${rounded} % of the picture.` : (rules()?.dataset.nothing ?? "");
    const text = before ? `${before} ${words}` : words;
    if (said.textContent !== text) said.textContent = text;
  }

  function changed() {
    tools.querySelector("[data-mask-do=undo]").ariaDisabled = String(!done.length);
    tools.querySelector("[data-mask-do=redo]").ariaDisabled = String(!undone.length);
    show();
    say();
  }

  // -- mouse, finger, pen

  function point(event) {
    const box = canvas.getBoundingClientRect();
    brush = {
      x: ((event.clientX - box.left) / box.width) * width,
      y: ((event.clientY - box.top) / box.height) * height,
      shown: true,
    };
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
      if (line) goOn();
    }
    show();
  });
  canvas.addEventListener("pointerup", (event) => event.isPrimary && end());
  // Two fingers zoom the page: what the first of them began to draw was not meant.
  canvas.addEventListener("pointercancel", giveUp);
  canvas.addEventListener("pointerleave", () => {
    brush.shown = canvas.matches(":focus-visible");
    show();
  });

  // -- keys

  const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function move([x, y], along) {
    const step = Math.max(2, diameter() / 2);
    if (along && !line) begin();
    brush = {
      x: Math.min(width, Math.max(0, brush.x + x * step)),
      y: Math.min(height, Math.max(0, brush.y + y * step)),
      shown: true,
    };
    if (line) goOn();
    show();
    sayWhere();
  }

  function sayWhere() {
    const [across, down] = [(100 * brush.x) / width, (100 * brush.y) / height].map(Math.round);
    const [x, y] = [Math.min(width - 1, brush.x), Math.min(height - 1, brush.y)].map(Math.floor);
    const marked = mask.context.getImageData(x, y, 1, 1).data[3] > 127;
    say(
      `Brush ${across} % from the left, ${down} % from the top, ${marked ? "on marked ground" : "on unmarked ground"}.`,
    );
  }

  function resize(by) {
    size.value = Number(size.value) + by;
    show();
    say(`Brush size ${size.value}.`);
  }

  function changeTool() {
    const other = tools.querySelector("[name=mask-tool]:not(:checked)");
    other.checked = true;
    show();
    say(other.value === "erase" ? "Erasing." : "Drawing.");
  }

  const keys = {
    " "() {
      if (!line) begin();
    },
    e: changeTool,
    "[": () => resize(-2),
    "]": () => resize(2),
  };

  canvas.addEventListener("keydown", (event) => {
    if (event.altKey) return;
    let known = true;
    if (event.ctrlKey || event.metaKey) {
      if (event.key === "z" && !event.shiftKey) actions.undo();
      else if (event.key.toLowerCase() === "z" || event.key === "y") actions.redo();
      else known = false;
    } else if (WAYS[event.key]) {
      move(WAYS[event.key], event.shiftKey);
    } else if (Object.hasOwn(keys, event.key)) {
      keys[event.key]();
    } else {
      known = false;
    }
    if (known) event.preventDefault();
  });
  canvas.addEventListener("keyup", (event) => {
    if (line && (event.key === " " || event.key === "Shift")) {
      end();
      sayWhere();
    }
  });
  canvas.addEventListener("focus", () => {
    if (!canvas.matches(":focus-visible")) return;
    brush.shown = true;
    show();
    sayWhere();
  });
  canvas.addEventListener("blur", () => {
    end();
    brush.shown = false;
    changed();
  });

  // -- the tools

  tools.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.maskDo) actions[button.dataset.maskDo]();
    if (button?.dataset.maskRegion) add({ region: button.dataset.maskRegion.split(" ").map(Number), erase: erasing() });
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
      if (share()) list.items.add(file());
      input.files = list.files;
    },
    { capture: true },
  );

  // Gone back to after Generate, the page asks for something new: its token is spent.
  addEventListener("pageshow", (event) => {
    const token = form.querySelector("[name=token]");
    const [arrival] = performance.getEntriesByType("navigation");
    if (!token || !(event.persisted || arrival?.type === "back_forward")) return;
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    token.value = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  });

  form.querySelector("[data-mask-file]").hidden = true;
  tools.hidden = canvas.hidden = false;
  changed();
}

function layer(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return { canvas, context: canvas.getContext("2d", { willReadFrequently: true }) };
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
  return context.createPattern(canvas, "repeat");
}
