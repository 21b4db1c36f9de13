// A place for a model: the classifier in it, its card, and how others take its place. A page has one or two.

import { CallError } from "./component/calls.js";
import { Classifier } from "./component/classifier.js";
import { head, kindOf } from "./picture/open.js";
import { prepare } from "./picture/prepare.js";
import { Card } from "./views/card.js";
import { messageOf } from "./views/dom.js";
import { showScores } from "./views/scores.js";
import { showSteps } from "./views/steps.js";

/** @typedef {import("./component/program.js").Program} Program */
/** @typedef {import("./picture/prepare.js").Preparation} Preparation */

/** The largest model or component that is read, in bytes. */
const LARGEST = 512 * 1024 * 1024;

/** What a file is, for who meant another kind. */
const KINDS = {
  wasm: "a WebAssembly file",
  onnx: "an ONNX model",
  picture: "a picture",
  text: "text",
  empty: "empty",
  unknown: "of no kind that is known here",
};

export class Slot {
  /** @type {Classifier | undefined} */
  classifier;
  /** @type {{ picture: ImageData, preparation: Preparation } | undefined} */
  #wanted;
  /** @type {Promise<void> | undefined} */
  #classifying;
  /** Counts what was asked to be in the slot: of several that start at once, the last one stays. */
  #turn = 0;

  /**
   * @param {HTMLElement} place Where the card goes.
   * @param {Program} builtIn
   * @param {object} page What the page does for a slot.
   * @param {(name: string, file: Uint8Array) => Promise<Program>} page.transpile
   * @param {(text: string) => void} page.say
   * @param {(slot: Slot) => void} page.changed Another model is in the slot.
   * @param {(slot: Slot) => void} [page.remove]
   */
  constructor(place, builtIn, { transpile, say, changed, remove }) {
    this.#builtIn = builtIn;
    this.#transpile = transpile;
    this.#say = say;
    this.#changed = changed;
    this.card = new Card(place, {
      model: file => this.loadModel(file),
      component: file => this.loadComponent(file),
      reset: () => this.start(),
      remove: remove && (() => remove(this)),
    });
  }

  #builtIn;
  #transpile;
  #say;
  #changed;

  /** The built-in component, with its own model. */
  start() {
    return this.#replace(this.#builtIn.name, () => Classifier.start(this.#builtIn));
  }

  /**
   * Puts a model into the component that is in the slot.
   *
   * @param {File} file
   */
  loadModel(file) {
    const program = this.classifier?.program ?? this.#builtIn;
    return this.#replace(file.name, async () =>
      Classifier.start(program, await bytesOf(file, "onnx", "an ONNX model")),
    );
  }

  /**
   * Puts another component into the slot, with its own model.
   *
   * @param {File} file
   */
  loadComponent(file) {
    return this.#replace(file.name, async () => {
      const bytes = await bytesOf(file, "wasm", "a WebAssembly component");
      return Classifier.start(await this.#transpile(file.name, bytes));
    });
  }

  /**
   * Classifies a picture and shows how that went. Of several pictures that come while one is on its way, only the last.
   *
   * @param {ImageData} picture
   * @param {Preparation} preparation
   */
  classify(picture, preparation) {
    this.#wanted = { picture, preparation };
    this.#classifying ??= this.#classifyWanted().finally(() => {
      this.#classifying = undefined;
    });
    return this.#classifying;
  }

  remove() {
    this.#turn++;
    this.classifier?.end();
    this.card.remove();
  }

  async #classifyWanted() {
    while (this.#wanted && this.classifier) {
      const { picture, preparation } = this.#wanted;
      this.#wanted = undefined;
      const { classifier } = this;
      try {
        const steps = prepare(picture, preparation, classifier.description);
        showSteps(this.card.element, steps);
        const { rows, took } = await classifier.predict(
          1,
          new Uint8Array(/** @type {any} */ (steps.at(-1)).raster.values),
        );
        if (classifier === this.classifier) {
          this.card.problem();
          showScores(this.card.element, rows[0], classifier.description.labels, took);
        }
      } catch (error) {
        if (classifier === this.classifier) {
          this.card.problem(`No answer: ${messageOf(error)}`);
        }
      }
    }
  }

  /**
   * What is in the slot stays there until the new one has started.
   *
   * @param {string} name
   * @param {() => Promise<Classifier>} make
   */
  async #replace(name, make) {
    this.#turn++;
    const turn = this.#turn;
    this.card.problem();
    this.card.busy(true);
    this.#say(`Starting ${name}`);
    try {
      const next = await make();
      if (turn !== this.#turn) {
        next.end();
        return;
      }
      this.classifier?.end();
      this.classifier = next;
      this.card.show(next, next.program === this.#builtIn && !next.onnx);
      this.#say(`${next.description.name} is ready`);
      this.#changed(this);
    } catch (error) {
      if (turn === this.#turn) {
        this.card.problem(refusal(name, error));
        this.#say("");
      }
    } finally {
      if (turn === this.#turn) {
        this.card.busy(false);
      }
    }
  }
}

/**
 * @param {File} file
 * @param {"onnx" | "wasm"} kind
 * @param {string} expected
 * @returns {Promise<Uint8Array>}
 */
async function bytesOf(file, kind, expected) {
  if (file.size > LARGEST) {
    throw new Error(`'${file.name}' has ${file.size} bytes, and at most ${LARGEST} are read`);
  }
  const found = kindOf(file.name, await head(file));
  // ONNX has no signature, so what has none of another kind is left for the component to judge.
  if (found !== kind && !(kind === "onnx" && found === "unknown")) {
    throw new Error(`'${file.name}' is ${KINDS[found]}, and ${expected} is needed here`);
  }
  return new Uint8Array(await file.arrayBuffer());
}

/**
 * @param {string} name
 * @param {unknown} error
 */
function refusal(name, error) {
  const kind = error instanceof CallError ? error.kind : "error";
  const said = messageOf(error);
  return (
    {
      reject: `'${name}' is refused by the component: ${said}`,
      retry: `'${name}' could not be taken now: ${said}`,
      trap: `the component fell over '${name}': ${said}`,
      timeout: `'${name}' was given up: ${said}`,
    }[kind] ?? said
  );
}
