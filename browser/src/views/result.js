// What a model says of one picture, or of each image in a file: the answer beside the picture, whether it is right where
// that is known, all scores, how the picture became what the model sees, and the result as a file.

import { csv, json } from "../images/report.js";
import { places } from "../images/tally.js";
import { CLASSES } from "../images/test-images.js";
import { find, tell, thousands } from "./dom.js";
import { save } from "./save.js";
import { percent, showScores } from "./scores.js";
import { showSteps } from "./steps.js";

/** @typedef {import("../component/answer.js").Answer} Answer */
/** @typedef {import("../component/guest.worker.js").Description} Description */
/** @typedef {import("../picture/picture.worker.js").Shown} Shown */

/**
 * @typedef {object} Result
 * @property {string} name What the picture is called.
 * @property {number} [truth] Its class in Fashion-MNIST, where it is a test image.
 * @property {Answer & { took: number }} answer
 * @property {Shown[]} [steps]
 * @property {Description} model
 */

export class ResultView {
  #card;
  #place;
  #number;
  /** @type {Result | undefined} */
  #result;

  /** @param {HTMLElement} card */
  constructor(card) {
    this.#card = card;
    this.#place = find("div", ".result", card);
    this.#number = find("input", ".number", card);
    this.#number.addEventListener("input", () => this.#showImage());
    for (const [format, write, type] of /** @type {const} */ ([
      ["json", json, "application/json"],
      ["csv", csv, "text/csv"],
    ])) {
      find("button", `.save-${format}`, card).addEventListener("click", () => {
        if (this.#result) {
          save(`${this.#result.name}.${format}`, write(this.#result), type);
        }
      });
    }
    this.clear();
  }

  /** Nothing is known of any picture. */
  clear() {
    this.#result = undefined;
    this.#place.hidden = true;
  }

  /** @param {Result} result */
  show(result) {
    this.#result = result;
    this.#place.hidden = false;
    const { name, answer, steps, model } = result;
    find("p", ".name", this.#card).textContent = name;
    showSteps(this.#card, steps);
    tell(
      find("p", ".unseen", this.#card),
      steps ? "" : "The component has read this file; this browser cannot show it.",
    );
    const count = answer.images.length;
    find("label", ".several", this.#card).hidden = count === 1;
    find("span", ".of", this.#card).textContent = `of ${thousands(count)}`;
    this.#number.max = String(count);
    this.#number.value = "1";
    const warnings = find("ul", ".warnings", this.#card);
    warnings.hidden = answer.warnings.length === 0;
    warnings.replaceChildren(
      ...answer.warnings.map(({ code, detail }) => {
        const item = document.createElement("li");
        item.textContent = `${code}: ${detail}`;
        return item;
      }),
    );
    const took = answer.took.toFixed(answer.took < 10 ? 1 : 0);
    find("p", ".took", this.#card).textContent = `${took} ms in the component, ${model.name}`;
    this.#showImage();
  }

  #showImage() {
    const { answer, model, truth } = /** @type {Result} */ (this.#result);
    const top = answer.images[Number(this.#number.value) - 1];
    if (!top) {
      return;
    }
    const [{ class: winner, score }] = top;
    const label = model.labels[winner];
    find("p", ".answer", this.#card).textContent = score === undefined ? label : `${label}, ${percent(score)}`;
    this.#showVerdict(winner, label, truth, model.labels);
    showScores(this.#card, top, model.labels);
  }

  /**
   * What it is beside what it was taken for. Of a model with other classes nobody knows whether it is right.
   *
   * @param {number} winner
   * @param {string} label
   * @param {number | undefined} truth
   * @param {string[]} labels
   */
  #showVerdict(winner, label, truth, labels) {
    const verdict = find("p", ".verdict", this.#card);
    const known = places(labels, CLASSES);
    if (truth === undefined) {
      tell(verdict);
      return;
    }
    const isRight = known?.[winner] === truth;
    verdict.dataset.right = known ? String(isRight) : "";
    const mark = known ? (isRight ? "✓ right: " : "✗ wrong: ") : "";
    tell(verdict, `${mark}true: ${CLASSES[truth]}, predicted: ${label}`);
  }
}
