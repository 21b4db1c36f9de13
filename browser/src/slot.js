// A place for a model: the classifier in it, its card, and how others take its place. A page has one or two.

import { CallError } from "./component/calls.js";
import { Classifier } from "./component/classifier.js";
import { messageOf } from "./error.js";
import { best } from "./images/tally.js";
import { bytes, head, kindOf } from "./picture/open.js";
import { prepare } from "./picture/prepare.js";
import { Card } from "./views/card.js";
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
  svg: "an SVG drawing",
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
  /** What the card says is wrong is that the latest picture had no answer. */
  #isUnanswered = false;
  /** Gives up what is starting: of several that are asked for, the last one stays. */
  #starting = new AbortController();
  /** The component that was asked for last, for a model that comes while it is made ready. @type {Promise<Program> | undefined} */
  #program;

  /**
   * @param {HTMLElement} place Where the card goes.
   * @param {Program} builtIn
   * @param {object} page What the page does for a slot.
   * @param {(name: string, file: Uint8Array) => Promise<Program>} page.transpile
   * @param {(slot: Slot) => void} page.changed Another model is in the slot.
   * @param {(model: string, answer: string) => void} page.announce
   * @param {() => void} [page.remove]
   */
  constructor(place, builtIn, { transpile, changed, announce, remove }) {
    this.#builtIn = builtIn;
    this.#transpile = transpile;
    this.#changed = changed;
    this.#announce = announce;
    this.card = new Card(place, {
      model: file => this.loadModel(file),
      component: file => this.loadComponent(file),
      reset: () => {
        this.card.focus();
        this.start();
      },
      remove,
    });
  }

  #builtIn;
  #transpile;
  #changed;
  #announce;

  /** The built-in component, with its own model. */
  start() {
    this.#program = Promise.resolve(this.#builtIn);
    return this.#replace(this.#builtIn.name, this.#program);
  }

  /**
   * Puts a model into the component that is in the slot, or will be.
   *
   * @param {File} file
   */
  async loadModel(file) {
    const bytes = await this.#read(file, "onnx", "an ONNX model");
    if (bytes) {
      const program = this.#program ?? Promise.resolve(this.#builtIn);
      await this.#replace(file.name, program, { name: file.name, bytes });
    }
  }

  /**
   * Puts another component into the slot, with its own model.
   *
   * @param {File} file
   */
  async loadComponent(file) {
    const bytes = await this.#read(file, "wasm", "a WebAssembly component");
    if (bytes) {
      this.#program = this.#transpile(file.name, bytes);
      await this.#replace(file.name, this.#program);
    }
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
    this.#starting.abort();
    this.classifier?.end();
    this.classifier = undefined;
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
          if (this.#isUnanswered) {
            this.card.problem();
          }
          this.#isUnanswered = false;
          showScores(this.card.element, rows[0], classifier.description.labels, took);
          this.#announce(classifier.description.name, classifier.description.labels[best(rows[0])]);
        }
      } catch (error) {
        if (classifier === this.classifier) {
          this.#isUnanswered = true;
          this.card.problem(`No answer: ${messageOf(error)}`);
        }
      }
    }
  }

  /**
   * What is in a file of the right kind. One of another kind is told, and takes nothing's place.
   *
   * @param {File} file
   * @param {"onnx" | "wasm"} kind
   * @param {string} expected
   */
  async #read(file, kind, expected) {
    try {
      if (file.size > LARGEST) {
        throw new Error(`'${file.name}' has ${file.size} bytes, and at most ${LARGEST} are read`);
      }
      const found = kindOf(file.name, await head(file));
      // ONNX has no signature, so what has none of another kind is left for the component to judge.
      if (found !== kind && !(kind === "onnx" && found === "unknown")) {
        throw new Error(`'${file.name}' is ${KINDS[found]}, and ${expected} is needed here`);
      }
      return await bytes(file);
    } catch (error) {
      this.card.problem(messageOf(error));
      return undefined;
    }
  }

  /**
   * What is in the slot stays there until the new one has started.
   *
   * @param {string} name
   * @param {Promise<Program>} program
   * @param {{ name: string, bytes: Uint8Array }} [model]
   */
  async #replace(name, program, model) {
    this.#starting.abort();
    const starting = new AbortController();
    this.#starting = starting;
    this.card.problem();
    this.card.starting(name, () => starting.abort());
    try {
      const next = await Classifier.start(await program, model, starting.signal);
      if (starting.signal.aborted) {
        next.end();
        return;
      }
      this.classifier?.end();
      this.classifier = next;
      this.card.show(next, next.program === this.#builtIn && !model);
      this.#changed(this);
    } catch (error) {
      if (!starting.signal.aborted) {
        this.card.problem(refusal(name, error));
      }
      // A component that was given up, or is at fault, is not what a later model goes into.
      if (starting === this.#starting) {
        this.#program = this.classifier && Promise.resolve(this.classifier.program);
      }
    } finally {
      if (starting === this.#starting) {
        this.card.started();
      }
    }
  }
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
