// The picture that is on the page, wherever it came from, and what is done with a file.

import { messageOf } from "./error.js";
import { SIDE } from "./images/test-images.js";
import { imageDataOf, kindOf } from "./picture/open.js";
import { clearAlerts } from "./views/alerts.js";
import { find, megabytes } from "./views/dom.js";
import { Status } from "./views/status.js";

/** @typedef {import("./slot.js").Slot} Slot */
/** @typedef {"samples" | "file" | "draw" | "camera"} Origin */

/**
 * @typedef {object} Picture
 * @property {string} name For people.
 * @property {File | ImageData} source
 * @property {Origin} origin
 * @property {number} [truth] Its class in Fashion-MNIST, where it is a test image.
 */

export class Pictures {
  /** The latest that was answered. @type {Picture | undefined} */
  #answered;
  /** It, or one that came later and waits for its answer. @type {Picture | undefined} */
  #picture;
  /** Counts what is classified: of several pictures at once, the last one stays. */
  #turn = 0;
  /** Counts what was brought: of several files that are looked at, the last one is shown. */
  #brought = 0;
  #status = new Status(find("p", "#status"));
  /** Takes back what was said of a picture without an answer. @type {(() => void)[]} */
  #mend = [];
  #slots;
  #page;

  /**
   * @param {() => Slot[]} slots
   * @param {object} page
   * @param {(text: string) => void} page.problem Shows what is wrong.
   * @param {() => void} page.show Goes to where a picture is seen, and no other one comes by itself.
   * @param {(picture: Picture) => void} page.shown Marks where it came from.
   */
  constructor(slots, page) {
    this.#slots = slots;
    this.#page = page;
    for (const choice of ["#fit", "#invert"]) {
      find("select", choice).addEventListener("change", () => this.again());
    }
  }

  /**
   * A frame of the camera or a drawing that goes on: it comes where one looks already.
   *
   * @param {ImageData} source
   * @param {"draw" | "camera"} origin
   */
  live(source, origin) {
    const isCamera = origin === "camera";
    const name = isCamera ? "Camera" : "Drawing";
    return this.#classify(
      { name, source, origin },
      { end: isCamera ? "Classifying the camera's pictures" : undefined },
    );
  }

  /** No other picture follows the last one. */
  rest() {
    this.#turn++;
    find("section", "#picture-view").dataset.busy = "false";
    this.#status.begin();
  }

  /**
   * Shows a test image.
   *
   * @param {import("./images/test-images.js").TestImages} images
   * @param {number} number
   */
  pick(images, number) {
    return this.show(testImage(images, number));
  }

  /**
   * Has the models classify a test image, wherever one is on the page.
   *
   * @param {import("./images/test-images.js").TestImages} images
   * @param {number} number
   */
  begin(images, number) {
    return this.#classify(testImage(images, number));
  }

  /**
   * A file that was chosen, dropped or pasted: a model and a component go where they belong, too. A model may come with
   * the files that hold its weights.
   *
   * @param {File[]} files
   * @param {Element} [target] What they were dropped onto.
   */
  async take(files, target) {
    clearAlerts();
    const turn = ++this.#brought;
    try {
      const kinds = await Promise.all(files.map(kindOf));
      const model = files[kinds.indexOf("onnx")];
      if (model || (files.length === 1 && kinds[0] === "wasm")) {
        await this.#load(files, model ? "onnx" : "wasm", target);
      } else if (files.length === 1) {
        if (turn === this.#brought) {
          await this.show({ name: files[0].name, source: files[0], origin: "file" });
        }
      } else {
        throw new Error(
          `These are ${files.length} files: choose one at a time, or a model together with the files of its weights`,
        );
      }
    } catch (error) {
      this.#status.begin();
      this.#page.problem(messageOf(error));
    }
  }

  /**
   * Classifies the picture that is there once more.
   *
   * @returns {Promise<boolean>} `false` where there is none.
   */
  async again() {
    if (this.#picture) {
      await this.#classify(this.#picture);
    }
    return this.#picture !== undefined;
  }

  /** @param {Picture} picture */
  async show(picture) {
    this.#brought++;
    const { name, source } = picture;
    clearAlerts();
    this.#page.show();
    const say = this.#status.begin(
      source instanceof File ? `Reading ${name}, ${megabytes(source.size)}` : `Classifying ${name}`,
    );
    if (await this.#classify(picture, { progress: what => say(`${what} ${name}`) })) {
      this.#page.shown(picture);
      find("p", ".answer").scrollIntoView({ block: "nearest" });
    }
  }

  /**
   * Has every model classify a picture. What is there stays until one has answered.
   *
   * @param {Picture} picture
   * @param {{ progress?: (what: string) => void, end?: string }} [told] `end` is the status once it is answered.
   * @returns {Promise<boolean>} Whether a model has answered, and no later picture has come.
   */
  async #classify(picture, { progress = () => {}, end = `Classified: ${picture.name}` } = {}) {
    const turn = ++this.#turn;
    this.#picture = picture;
    const view = find("section", "#picture-view");
    view.dataset.busy = "true";
    const slots = this.#slots();
    const wish = { fit: find("select", "#fit").value, invert: find("select", "#invert").value };
    const outcomes = await Promise.all(slots.map(slot => slot.classify(picture, wish, progress)));
    if (turn !== this.#turn) {
      return false;
    }
    view.dataset.busy = "false";
    for (const mend of this.#mend.splice(0)) {
      mend();
    }
    const answered = outcomes.filter(outcome => outcome && !outcome.error);
    const failed = slots.flatMap((slot, number) => {
      const error = outcomes[number]?.error;
      return error ? [{ slot, text: `No answer for ${picture.name}: ${messageOf(error)}` }] : [];
    });
    if (answered.length === 0 && failed.length > 0) {
      this.#picture = this.#answered;
      this.#status.begin();
      this.#page.problem(failed[0].text);
      this.#mend.push(() => this.#page.problem(""));
      return false;
    }
    this.#answered = answered.length > 0 ? picture : this.#answered;
    this.#status.begin(answered.length > 0 ? end : `${picture.name} waits for a model`);
    for (const { slot, text } of failed) {
      slot.result.clear();
      slot.card.problem(text);
      this.#mend.push(() => slot.card.problem());
    }
    return answered.length > 0;
  }

  /**
   * @param {File[]} files
   * @param {"onnx" | "wasm"} kind
   * @param {Element} [target]
   */
  async #load(files, kind, target) {
    const slots = this.#slots();
    const slot = slots.find(({ card }) => target && card.element.contains(target)) ?? slots[0];
    if (!slot) {
      throw new Error(`'${files[0].name}' came too early: the component is still loading`);
    }
    await (kind === "onnx" ? slot.loadModel(files) : slot.loadComponent(files[0]));
  }
}

/**
 * @param {import("./images/test-images.js").TestImages} images
 * @param {number} number
 * @returns {Picture}
 */
function testImage(images, number) {
  const source = imageDataOf({ width: SIDE, height: SIDE, channels: 1, values: images.slice(number) });
  return { name: images.name(number), source, origin: "samples", truth: images.classes[number] };
}
