// How a picture became what the model sees.

import { find } from "./dom.js";

/** @typedef {import("../picture/picture.worker.js").Shown} Shown */

/**
 * @param {HTMLElement} card
 * @param {Shown[] | undefined} steps None where this browser cannot decode what the component can.
 */
export function showSteps(card, steps) {
  find("details", ".path", card).hidden = !steps;
  find("ol", ".steps", card).replaceChildren(
    ...(steps ?? []).map(({ what, picture }, number, { length }) => {
      const item = document.createElement("li");
      item.append(canvasOf(picture), number === length - 1 ? `${what}: this is what it sees` : what);
      return item;
    }),
  );
  find("div", ".seen", card).replaceChildren(...(steps ?? []).slice(0, 1).map(({ picture }) => canvasOf(picture)));
}

/** Decoration: what it shows is said beside it. @param {ImageBitmap} picture */
function canvasOf(picture) {
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.ariaHidden = "true";
  canvas.getContext("2d")?.drawImage(picture, 0, 0);
  return canvas;
}
