// What a model sees, and how it came from the picture.

import { find } from "./dom.js";
import { canvasOf } from "./raster.js";

/**
 * @param {HTMLElement} card
 * @param {import("../picture/prepare.js").Step[]} steps
 */
export function showSteps(card, steps) {
  find("ol", ".steps", card).replaceChildren(
    ...steps.map(({ what, raster }, number) => {
      const item = document.createElement("li");
      const isLast = number === steps.length - 1;
      item.append(canvasOf(raster), isLast ? `${what}: this is what it sees` : what);
      item.classList.toggle("last", isLast);
      return item;
    }),
  );
}
