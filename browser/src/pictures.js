// The picture that is on the page, wherever it came from, and what is done with a file.

import { messageOf } from "./error.js";
import { SIDE } from "./images/test-images.js";
import { head, kindOf, pictureOfGrey, pixelsOf } from "./picture/open.js";
import { find } from "./views/dom.js";

/** @typedef {import("./slot.js").Slot} Slot */
/** @typedef {import("./picture/prepare.js").Preparation} Preparation */

export class Pictures {
  /** @type {ImageData | undefined} */
  #picture;
  /** Counts what was asked to be shown: of several files that are read at once, the last one stays. */
  #turn = 0;
  #slots;
  #page;

  /**
   * @param {() => Slot[]} slots
   * @param {object} page
   * @param {(text: string) => void} page.say
   * @param {(text: string) => void} page.problem Shows what is wrong, or with no text that nothing is.
   * @param {() => void} page.show Goes to where a picture is seen, and no other one comes by itself.
   */
  constructor(slots, page) {
    this.#slots = slots;
    this.#page = page;
    for (const choice of ["#fit", "#invert"]) {
      find("select", choice).addEventListener("change", () => this.again());
    }
  }

  /**
   * Has every model classify a picture.
   *
   * @param {ImageData} picture
   */
  async classify(picture) {
    this.#picture = picture;
    const preparation = /** @type {Preparation} */ ({
      fit: find("select", "#fit").value,
      invert: find("select", "#invert").value,
    });
    await Promise.all(this.#slots().map(slot => slot.classify(picture, preparation)));
  }

  /** Classifies the picture that is there once more; `false` where there is none. */
  async again() {
    if (!this.#picture) {
      return false;
    }
    await this.classify(this.#picture);
    return true;
  }

  /**
   * Shows a test image.
   *
   * @param {import("./images/test-images.js").TestImages} images
   * @param {number} number
   */
  pick(images, number) {
    this.#turn++;
    this.#begin();
    this.#page.say(`Test image ${number + 1}, ${images.label(number)}`);
    return this.classify(pictureOfGrey(images.slice(number), SIDE, SIDE));
  }

  /**
   * A file that was chosen, dropped or pasted: a model and a component go where they belong, too.
   *
   * @param {File} file
   * @param {Element} [target] What it was dropped onto.
   */
  async take(file, target) {
    this.#turn++;
    const turn = this.#turn;
    this.#page.problem("");
    try {
      const kind = kindOf(file.name, await head(file));
      if (kind === "onnx" || kind === "wasm") {
        await this.#load(file, kind, target);
      } else if (kind === "svg") {
        throw new Error(`'${file.name}' is an SVG drawing: save it as PNG or JPEG`);
      } else if (kind === "text" || kind === "empty") {
        throw new Error(`'${file.name}' is ${kind}, and no picture, ONNX model or component`);
      } else {
        const { pixels, smaller } = await pixelsOf(file, file.name);
        if (turn === this.#turn) {
          this.#begin();
          this.#page.say(`Picture: ${file.name}${smaller}`);
          await this.classify(pixels);
        }
      }
    } catch (error) {
      this.#page.problem(messageOf(error));
    }
  }

  /** Another picture: what was wrong before is not of it. */
  #begin() {
    this.#page.problem("");
    for (const { card } of this.#slots()) {
      card.problem();
    }
    this.#page.show();
  }

  /**
   * @param {File} file
   * @param {"onnx" | "wasm"} kind
   * @param {Element} [target]
   */
  async #load(file, kind, target) {
    const slots = this.#slots();
    const slot = slots.find(({ card }) => target && card.element.contains(target)) ?? slots[0];
    if (!slot) {
      throw new Error(`'${file.name}' has come too early: the component is not loaded yet`);
    }
    await (kind === "onnx" ? slot.loadModel(file) : slot.loadComponent(file));
  }
}
