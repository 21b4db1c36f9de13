// A picture drawn by hand, by mouse, finger, pen or keyboard.

import { find } from "./dom.js";

const PEN = 20;
/** How far an arrow key moves the pen, in pixels. */
const STRIDE = 10;
const PAUSE = 60;

/**
 * @param {(picture: ImageData) => void} drawn Is called when something was drawn.
 */
export function drawing(drawn) {
  const pen = { x: 0, y: 0, down: false };
  const say = (/** @type {string} */ text) => {
    find("p", "#pen-state").textContent = text;
  };
  const canvas = find("canvas", "#drawing");
  const marker = find("span", "#pen");
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.lineWidth = PEN;
  context.lineCap = "round";
  context.strokeStyle = "#fff";
  let timer = 0;
  const changed = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => drawn(context.getImageData(0, 0, canvas.width, canvas.height)), PAUSE);
  };
  /**
   * @param {number} x
   * @param {number} y
   */
  const moveTo = (x, y) => {
    if (pen.down) {
      context.beginPath();
      context.moveTo(pen.x, pen.y);
      // A line of no length would not be drawn, and a dot is.
      context.lineTo(x + 0.01, y);
      context.stroke();
      changed();
    }
    pen.x = x;
    pen.y = y;
    marker.style.left = `${(100 * x) / canvas.width}%`;
    marker.style.top = `${(100 * y) / canvas.height}%`;
  };
  const wipe = () => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
  };
  wipe();
  moveTo(canvas.width / 2, canvas.height / 2);

  /** @param {PointerEvent} event */
  const place = event => {
    const shown = canvas.getBoundingClientRect();
    const scale = canvas.width / shown.width;
    return /** @type {[number, number]} */ ([
      (event.clientX - shown.left) * scale,
      (event.clientY - shown.top) * scale,
    ]);
  };
  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId);
    pen.down = false;
    moveTo(...place(event));
    pen.down = true;
    moveTo(...place(event));
  });
  canvas.addEventListener("pointermove", event => {
    if (canvas.hasPointerCapture(event.pointerId)) {
      moveTo(...place(event));
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      pen.down = false;
    });
  }
  canvas.addEventListener("blur", () => {
    if (pen.down) {
      pen.down = false;
      say("");
    }
  });
  canvas.addEventListener("keydown", event => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (move) {
      const within = (/** @type {number} */ value) => Math.min(Math.max(value, 0), canvas.width);
      moveTo(within(pen.x + move[0] * STRIDE), within(pen.y + move[1] * STRIDE));
    } else if (event.key === " ") {
      pen.down = !pen.down;
      say(pen.down ? "The pen is down" : "The pen is up");
      moveTo(pen.x, pen.y);
    } else {
      return;
    }
    event.preventDefault();
  });
  find("button", "#clear").addEventListener("click", () => {
    wipe();
    changed();
  });
}
