// A place for a model: the classifier in it, its card, and how others take its place. A page has one or two.

import { ranked } from "./component/answer.js";
import { bundled } from "./component/bundled.js";
import { whole } from "./component/external.js";
import { outputs, withOutput } from "./component/outputs.js";
import { refusal, started } from "./component/started.js";
import { messageOf } from "./error.js";
import { mediaTypeOf } from "./picture/media.js";
import { bytes, expect } from "./picture/open.js";
import { Card } from "./views/card.js";
import { ResultView } from "./views/result.js";

/** @typedef {import("./component/program.js").Program} Program */
/** @typedef {import("./component/classifier.js").Classifier} Classifier */
/** @typedef {import("./component/classifier.js").Model} Model */
/** @typedef {import("./picture/prepare.js").Preparation} Preparation */
/** @typedef {{ fit: string, invert: string }} Wish How a picture is to be prepared; `invert` may be `default`. */
/** @typedef {import("./pictures.js").Picture} Picture */

/**
 * How it went with a picture: it is answered, or there is an error. Nothing where nobody waits for the answer any more, since
 * another picture has come, or where no model is there yet.
 *
 * @typedef {{ error?: unknown } | undefined} Outcome
 */

export class Slot {
  /** @type {Classifier | undefined} */
  classifier;
  /** @type {{ picture: Picture, wish: Wish, progress: (what: string) => void, done: (outcome?: Outcome) => void } | undefined} */
  #wanted;
  #isClassifying = false;
  /** Cancels what is starting: of several that are asked for, the last one stays. */
  #starting = new AbortController();
  /** The component that was asked for last, for a model that comes while it is made ready. @type {Promise<Program>} */
  #program;
  /** The one that the classifier was asked for with. @type {Program} */
  #asked;
  #builtIn;
  #page;

  /**
   * @param {HTMLElement} place Where the card goes.
   * @param {Program} builtIn
   * @param {object} page What the page does for a slot.
   * @param {(name: string, file: Uint8Array) => Promise<Program>} page.transpile
   * @param {() => Promise<Program>} page.full The build of the built-in component with the operators of all models.
   * @param {import("./picture/preparer.js").Preparer} page.preparer
   * @param {(slot: Slot) => void} page.changed Another model is in the slot.
   * @param {(model: string, answer: string) => void} page.announce
   * @param {() => void} [page.remove]
   */
  constructor(place, builtIn, page) {
    this.#builtIn = builtIn;
    this.#asked = builtIn;
    this.#program = Promise.resolve(builtIn);
    this.#page = page;
    this.card = new Card(place, {
      model: files => this.loadModel(files),
      bundled: name => this.#put(name ? bundled(name) : undefined, name || "the component's own model"),
      component: ([file]) => this.loadComponent(file),
      labels: labels => this.#name(labels),
      reset: () => {
        this.card.focus();
        this.start();
      },
      remove: page.remove,
    });
    this.result = new ResultView(this.card.element);
  }

  /** The built-in component, with its own model. */
  start() {
    this.#program = Promise.resolve(this.#builtIn);
    return this.#put(undefined, this.#builtIn.name);
  }

  /**
   * Puts a model into the component that is in the slot, or will be.
   *
   * @param {File[]} files It, and the files that hold its weights where it does not.
   */
  async loadModel(files) {
    const [file] = files.length === 1 ? files : files.filter(({ name }) => /\.onnx$/i.test(name));
    if (!file) {
      this.card.problem(`None of these ${files.length} files ends in .onnx`);
      return;
    }
    const read = await this.#read(file, "onnx", "an ONNX model");
    if (!read) {
      return;
    }
    const put = (/** @type {Promise<Uint8Array<ArrayBuffer>>} */ onnx) => {
      const model = onnx.then(onnx => whole(onnx, files)).then(bytes => ({ name: file.name, bytes }));
      return this.#put(model, file.name);
    };
    const names = outputs(read);
    if (names.length > 1) {
      this.card.ask(file.name, names, output => put(withOutput(read, output)));
    } else {
      await put(Promise.resolve(read));
    }
  }

  /**
   * Puts another component into the slot, with its own model.
   *
   * @param {File} file
   */
  async loadComponent(file) {
    const read = await this.#read(file, "wasm", "a WebAssembly component");
    if (read) {
      this.#program = this.#page.transpile(file.name, read);
      await this.#put(undefined, file.name);
    }
  }

  /**
   * Classifies a picture and shows the answer. Of several pictures that come while one is on its way, only the last.
   *
   * @param {Picture} picture
   * @param {Wish} wish
   * @param {(what: string) => void} progress
   * @returns {Promise<Outcome>}
   */
  classify(picture, wish, progress) {
    this.#wanted?.done();
    const outcome = new Promise(done => {
      this.#wanted = { picture, wish, progress, done };
    });
    if (!this.#isClassifying) {
      this.#classifyWanted();
    }
    return /** @type {Promise<Outcome>} */ (outcome);
  }

  remove() {
    this.#starting.abort();
    this.classifier?.end();
    this.classifier = undefined;
    this.card.remove();
  }

  async #classifyWanted() {
    this.#isClassifying = true;
    while (this.#wanted) {
      const { picture, wish, progress, done } = this.#wanted;
      this.#wanted = undefined;
      const { classifier } = this;
      try {
        const result = classifier && (await this.#answer(classifier, picture, wish, progress));
        const isCurrent = result && classifier === this.classifier;
        if (isCurrent) {
          this.result.show(result);
          const { labels, name } = classifier.description;
          this.#page.announce(name, labels[result.answer.images[0][0].class]);
        }
        done(isCurrent ? {} : undefined);
      } catch (error) {
        done(classifier === this.classifier ? { error } : undefined);
      }
    }
    this.#isClassifying = false;
  }

  /**
   * A file is read by the component itself, as `host classify` has it read, so that both give it the same answer or the same
   * refusal. How it becomes what the model sees is shown where this browser can decode it, too.
   *
   * @param {Classifier} classifier
   * @param {Picture} picture
   * @param {Wish} wish
   * @param {(what: string) => void} progress
   * @returns {Promise<import("./views/result.js").Result>}
   */
  async #answer(classifier, { name, source, truth }, wish, progress) {
    const model = classifier.description;
    const preparation = preparationOf(wish, model);
    const preparing = this.#page.preparer.prepare(source, preparation, model, progress);
    if (source instanceof File) {
      const read = bytes(source).then(body =>
        classifier.classify(body, {
          ...request(model, preparation),
          contentType: mediaTypeOf(name, body, model.accepts),
        }),
      );
      const [answer, prepared] = await Promise.all([read, preparing.catch(() => undefined)]);
      return { name, truth, answer, steps: prepared?.steps, model };
    }
    const { steps, seen } = await preparing;
    const pixels = new Uint8Array(seen.values);
    if (!model.hasTensors) {
      return { name, truth, answer: await classifier.classifyPixels(1, pixels), steps, model };
    }
    const { rows, took } = await classifier.predict(1, pixels);
    return { name, truth, answer: { images: rows.map(ranked), warnings: [], took }, steps, model };
  }

  /**
   * What is in a file of the right kind. One of another kind is refused, and takes nothing's place.
   *
   * @param {File} file
   * @param {"onnx" | "wasm"} kind
   * @param {string} expected
   */
  async #read(file, kind, expected) {
    try {
      await expect(file, kind, expected);
      return await bytes(file);
    } catch (error) {
      this.card.problem(messageOf(error));
      return undefined;
    }
  }

  /** Calls the classes of the model that is there otherwise. @param {string[]} labels */
  async #name(labels) {
    const model = this.classifier?.model;
    if (model) {
      await this.#put(Promise.resolve({ ...model, labels }), model.name);
    }
  }

  /**
   * What is in the slot stays there until the new one has started.
   *
   * @param {Promise<Model> | undefined} model None: the component's own.
   * @param {string} name Of what is new.
   */
  async #put(model, name) {
    this.#starting.abort();
    const starting = new AbortController();
    this.#starting = starting;
    this.card.problem();
    this.card.starting(name, () => starting.abort());
    try {
      const [program, given] = await Promise.all([this.#program, model]);
      const larger = program === this.#builtIn ? this.#page.full : undefined;
      const next = await started(program, given, starting.signal, larger);
      if (starting.signal.aborted) {
        next.end();
        return;
      }
      this.classifier?.end();
      this.classifier = next;
      this.#asked = program;
      this.result.clear();
      this.card.show(next, program === this.#builtIn);
      this.#page.changed(this);
    } catch (error) {
      if (!starting.signal.aborted) {
        this.card.problem(refusal(name, error));
      }
      // A later model is not loaded into a component that was cancelled or failed.
      if (starting === this.#starting) {
        this.#program = Promise.resolve(this.#asked);
      }
    } finally {
      if (starting === this.#starting) {
        this.card.started();
      }
    }
  }
}

/**
 * The default is that of `host classify`.
 *
 * @param {Wish} wish
 * @param {{ channels: number }} model
 */
function preparationOf({ fit, invert }, { channels }) {
  const usual = channels === 1 ? "auto" : "never";
  return /** @type {Preparation} */ ({ fit, invert: invert === "default" ? usual : invert });
}

/**
 * How a file is to be read. A component that takes no pictures knows no way to prepare them.
 *
 * @param {{ accepts: string[] }} model
 * @param {Preparation} preparation
 */
function request({ accepts }, { fit, invert }) {
  const takesPictures = accepts.some(media => /^\s*image\//i.test(media));
  return takesPictures ? { prepare: `fit=${fit};invert=${invert}` } : {};
}
