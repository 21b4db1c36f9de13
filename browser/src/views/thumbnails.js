// A grid of test images, each a button.

import { SIDE } from "../images/test-images.js";
import { canvasOf } from "./raster.js";
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
      button.ariaLabel = `Test image ${number + 1}, ${images.label(number)}`;
      button.title = button.ariaLabel;
      button.ariaPressed = "false";
      button.append(canvasOf({ width: SIDE, height: SIDE, channels: 1, values: images.slice(number) }));
      button.addEventListener("click", () => {
        for (const other of place.querySelectorAll("button")) {
          other.ariaPressed = String(other === button);
        }
        pick(number);
      });
      return button;
    }),
  );
}

/** @param {HTMLElement} place */
export function walkable(place) {
  roving(place, () => columnsOf(place));
}
