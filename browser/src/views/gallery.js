// The test images through every model on the page, live: how many are right, how fast, and which was taken for what.

import { messageOf } from "../error.js";
import { answers } from "../images/answers.js";
import { matrixCsv } from "../images/report.js";
import { best, places, Tally } from "../images/tally.js";
import { CLASSES, SIDE, TestImages } from "../images/test-images.js";
import { clearAlerts } from "./alerts.js";
import { fill, find, thousands } from "./dom.js";
import { Matrix } from "./matrix.js";
import { showRecall } from "./recall.js";
import { save } from "./save.js";
import { Status } from "./status.js";
import { thumbnails, walkable } from "./thumbnails.js";

/** @typedef {import("../slot.js").Slot} Slot */

/** Milliseconds between two looks at a tally. */
const GLANCE = 100;

export class Gallery {
  /** @type {TestImages | undefined} */
  #images;
  /** @type {Promise<void> | undefined} */
  #opening;
  /** @type {AbortController | undefined} */
  #running;
  #slots;
  #pick;
  #problem;
  #status = new Status(find("p", "#gallery-status"));
  /** Whose cell is shown. @type {Slot | undefined} */
  #shown;
  #button = find("button", "#run");
  #cell = find("section", "#cell");

  /**
   * @param {() => Slot[]} slots
   * @param {(images: TestImages, number: number) => void} pick An image was clicked.
   * @param {(text: string) => void} problem
   */
  constructor(slots, pick, problem) {
    this.#slots = slots;
    this.#pick = pick;
    this.#problem = problem;
    walkable(find("div", "#cell-images"));
    this.#button.addEventListener("click", () => (this.#running ? this.stop() : this.#run()));
  }

  /** Loads the images, once; the button waits for them. Where they could not be loaded, the next call tries again. */
  open() {
    this.#opening ??= this.#load().catch(error => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #load() {
    const loading = find("span", "#gallery-loading");
    const bar = find("progress", "#gallery-bar");
    loading.hidden = false;
    this.#button.disabled = true;
    try {
      this.#images = await TestImages.load("all", (loaded, total) => fill(bar, loaded, total));
    } finally {
      loading.hidden = true;
      this.#button.disabled = false;
    }
  }

  stop() {
    this.#running?.abort();
  }

  /** Hides the images of a cell. */
  #close() {
    this.#cell.hidden = true;
  }

  /** What an earlier model did is not another's. @param {Slot} slot */
  forget(slot) {
    const { element } = slot.card;
    show(element, new Tally(CLASSES.length), 0, undefined);
    find("div", ".table", element).hidden = true;
    this.#status.begin();
    if (this.#shown === slot) {
      this.#close();
    }
  }

  async #run() {
    const running = new AbortController();
    try {
      await this.open();
    } catch (error) {
      this.#problem(messageOf(error));
      return;
    }
    clearAlerts();
    const say = this.#status.begin("Classifying the test images");
    this.#running = running;
    this.#button.textContent = "Stop";
    this.#close();
    const images = /** @type {TestImages} */ (this.#images);
    const ends = await Promise.all(this.#slots().map(slot => this.#classify(slot, images, running.signal)));
    this.#running = undefined;
    this.#button.textContent = "Classify them again";
    say(ends.filter(end => end !== "").join("; "));
  }

  /**
   * @param {Slot} slot
   * @param {TestImages} images
   * @param {AbortSignal} signal
   * @returns {Promise<string>} How good the model was; empty where that is not known.
   */
  async #classify(slot, images, signal) {
    const { classifier, card } = slot;
    if (!classifier) {
      return "";
    }
    const { labels, width, height, channels } = classifier.description;
    const place = places(labels, CLASSES);
    if (!place || width !== SIDE || height !== SIDE || channels !== 1) {
      card.problem(
        `This model cannot classify them: the test images are ${SIDE} × ${SIDE}, grey, with the classes ${CLASSES.join(", ")}`,
      );
      return "";
    }
    const tally = new Tally(CLASSES.length);
    const matrix = new Matrix(find("table", ".matrix", card.element), CLASSES, (truth, answer) =>
      this.#open(slot, classifier.description.name, tally, truth, answer),
    );
    find("button", ".save-matrix", card.element).onclick = () =>
      save(`${classifier.description.name}-confusion.csv`, matrixCsv(tally), "text/csv");
    const start = performance.now();
    let shown = start;
    try {
      for await (const { number, rows } of answers(classifier, images, signal)) {
        for (const [offset, row] of rows.entries()) {
          tally.add(number + offset, images.classes[number + offset], place[best(row)]);
        }
        const now = performance.now();
        if (now - shown >= GLANCE) {
          shown = now;
          show(card.element, tally, now - start, matrix);
        }
      }
    } catch (error) {
      if (slot.classifier === classifier) {
        card.problem(`The run ended: ${messageOf(error)}`);
      }
    }
    // With another model in its place nobody asks what this one did.
    if (slot.classifier !== classifier) {
      return "";
    }
    show(card.element, tally, performance.now() - start, matrix);
    return `${classifier.description.name}: ${tally.accuracy} of ${thousands(tally.count)} right`;
  }

  /**
   * Shows the images of a cell.
   *
   * @param {Slot} slot
   * @param {string} model
   * @param {Tally} tally
   * @param {number} truth
   * @param {number} answer
   */
  #open(slot, model, tally, truth, answer) {
    this.#shown = slot;
    const images = /** @type {TestImages} */ (this.#images);
    const numbers = tally.images(truth, answer);
    const title = find("h2", "#cell-title");
    const what = truth === answer ? "taken for what it is" : `taken for ${CLASSES[answer]}`;
    title.textContent = `${CLASSES[truth]}, ${what} by ${model}: ${thousands(numbers.length)}${this.#running ? " so far" : ""}`;
    this.#cell.hidden = false;
    thumbnails(find("div", "#cell-images"), images, numbers, number => this.#pick(images, number));
    title.focus();
  }
}

/**
 * @param {HTMLElement} card
 * @param {Tally} tally
 * @param {number} took Milliseconds.
 * @param {Matrix | undefined} matrix
 */
function show(card, tally, took, matrix) {
  const tallied = find("div", ".tally", card);
  find("progress", "", tallied).value = tally.count;
  find("dd", ".accuracy", tallied).textContent = tally.accuracy;
  find("dd", ".count", tallied).textContent = thousands(tally.count);
  find("dd", ".rate", tallied).textContent =
    tally.count === 0 ? "–" : thousands(Math.round((1000 * tally.count) / took));
  if (matrix) {
    find("div", ".table", card).hidden = false;
    matrix.show(tally);
    showRecall(find("table", ".recall", card), tally, CLASSES);
  }
}
