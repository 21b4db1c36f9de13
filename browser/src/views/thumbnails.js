// A grid of test images, each a button.

import { SIDE } from "../images/test-images.js";
import { imageDataOf } from "../picture/open.js";
import { columnsOf, roving } from "./roving.js";

/** @typedef {import("../images/test-images.js").TestImages} TestImages */

/**
 * @param {HTMLElement} place
 * @param {TestImages} images
 * @param {Iterable<number>} numbers Which of them.
 * @param {(number: number) => void} pick
 */
export function thumbnails(place, images, numbers, pick) {
  place.replaceChildren(
    ...Array.from(numbers, number => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.name = images.name(number);
      button.ariaLabel = `${images.name(number)}, ${images.label(number)}`;
      button.title = button.ariaLabel;
      button.ariaPressed = "false";
      button.append(canvasOf(images.slice(number)));
      button.addEventListener("click", () => {
        press(place, images.name(number));
        pick(number);
      });
      return button;
    }),
  );
}

/**
 * Marks the image that was picked, and no other.
 *
 * @param {HTMLElement} place
 * @param {string} name
 */
export function press(place, name) {
  for (const button of place.querySelectorAll("button")) {
    button.ariaPressed = String(button.dataset.name === name);
  }
}

/** @param {HTMLElement} place */
export function walkable(place) {
  roving(place, () => columnsOf(place));
}

/** Decoration: what it shows is said beside it. @param {Uint8Array} values */
function canvasOf(values) {
  const canvas = document.createElement("canvas");
  canvas.width = SIDE;
  canvas.height = SIDE;
  canvas.ariaHidden = "true";
  canvas.getContext("2d")?.putImageData(imageDataOf({ width: SIDE, height: SIDE, channels: 1, values }), 0, 0);
  return canvas;
}
