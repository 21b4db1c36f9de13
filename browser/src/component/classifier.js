// A classifier as the page sees it: an instance in a worker of its own, bounded in time, and a fresh one where it fell.

import * as answer from "./answer.js";
import { CallError, Calls } from "./calls.js";
import * as check from "./check.js";
import { message, rows } from "./pixels.js";

/** @typedef {import("./program.js").Program} Program */
/** @typedef {import("./guest.worker.js").Description} Description */

/**
 * An ONNX file.
 *
 * @typedef {object} Model
 * @property {string} name
 * @property {Uint8Array} bytes
 * @property {string[]} [labels] What its classes are called; as the model says where they are missing.
 */

/** How long a call may take, in milliseconds, as the host's `--guest-timeout` has it. */
const CALL = 30_000;

export class Classifier {
  /** @type {Calls} */
  #guest;
  /** The instance has trapped: it is not to be called again. */
  #isSpoiled = false;
  #isEnded = false;
  /** One call at a time: what waits for another's answer has not begun to take time. @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * @param {Program} program
   * @param {Model | undefined} model
   * @param {Calls} guest
   * @param {Description} description
   */
  constructor(program, model, guest, description) {
    this.program = program;
    this.model = model;
    this.#guest = guest;
    this.description = description;
  }

  /**
   * Instantiates a component, and puts a model into it where one is given.
   *
   * @param {Program} program
   * @param {Model} [model]
   * @param {AbortSignal} [signal] Gives it up.
   * @returns {Promise<Classifier>}
   * @throws {Error} with a message for people; nothing is left running.
   */
  static async start(program, model, signal) {
    const { guest, description } = await instantiate(program, model, signal);
    return new Classifier(program, model, guest, description);
  }

  /**
   * @param {number} count
   * @param {Uint8Array} pixels Of `count` images, row-major N, H, W, C, raw values 0 to 255.
   * @returns {Promise<{ rows: Float32Array[], took: number }>} Probabilities of each image; milliseconds in the component.
   * @throws {CallError} where the component refuses or traps; the next call finds a fresh instance.
   */
  async predict(count, pixels) {
    const { labels, hasTensors } = this.description;
    if (!hasTensors) {
      const { images, took } = await this.classifyPixels(count, pixels);
      return { rows: rows(images, labels.length), took };
    }
    // The only copy: it moves to the worker.
    const own = pixels.slice();
    const { probabilities, took } = await this.#next("predict", [count, own], [own.buffer]);
    return { rows: check.probabilities(probabilities, count, labels.length), took };
  }

  /**
   * The same by a message, as a component without `tensors` takes them; it may know classes alone, and no scores.
   *
   * @param {number} count
   * @param {Uint8Array} pixels
   */
  classifyPixels(count, pixels) {
    const { body, contentType } = message(pixels, count, this.description);
    return this.classify(body, { contentType });
  }

  /**
   * Has the component read a file itself, as a message.
   *
   * @param {Uint8Array<ArrayBuffer>} body Moves to the worker, and is empty then.
   * @param {{ contentType?: string, prepare?: string }} how As `wit/classifier.wit` has it.
   * @returns {Promise<answer.Answer & { took: number }>} `took` in milliseconds, in the component.
   * @throws {Error} where the component refuses, traps or breaks the contract.
   */
  async classify(body, how) {
    const request = { ...how, accept: answer.accepted(this.description), body };
    const { reply, took } = await this.#next("classify", [request], [body.buffer]);
    return { ...answer.read(reply, this.description), took };
  }

  /** Calls that have not been answered fail. */
  end() {
    this.#isEnded = true;
    this.#guest.end();
  }

  /**
   * @param {string} name
   * @param {unknown[]} args
   * @param {Transferable[]} transfer
   */
  #next(name, args, transfer) {
    const answer = this.#last.then(() => this.#call(name, args, transfer));
    this.#last = answer.catch(() => {});
    return answer;
  }

  /**
   * @param {string} name
   * @param {unknown[]} args
   * @param {Transferable[]} transfer
   */
  async #call(name, args, transfer) {
    // Also where the worker itself has failed, as one that ran out of memory does.
    if (!this.#isEnded && (this.#isSpoiled || this.#guest.hasEnded)) {
      this.#guest.end();
      const { guest, description } = await instantiate(this.program, this.model);
      this.#guest = guest;
      if (JSON.stringify(description) !== JSON.stringify(this.description)) {
        throw new Error("the component breaks the contract: its description differs between two instances");
      }
      this.#isSpoiled = false;
      if (this.#isEnded) {
        guest.end();
      }
    }
    try {
      return await this.#guest.call(name, args, { timeout: CALL, transfer });
    } catch (error) {
      this.#isSpoiled = error instanceof CallError && (error.kind === "trap" || error.kind === "fatal");
      throw error;
    }
  }
}

/**
 * @param {Program} program
 * @param {Model} [model]
 * @param {AbortSignal} [signal]
 */
async function instantiate(program, model, signal) {
  signal?.throwIfAborted();
  const script = blobUrl(program.script);
  const guest = ready ?? empty();
  ready = undefined;
  const giveUp = () => guest.end();
  signal?.addEventListener("abort", giveUp);
  try {
    let said = await guest.call("start", [script, program.modules], { timeout: CALL });
    if (model) {
      said = await guest.call("load", [model.bytes, model.labels ?? []], { timeout: CALL });
    }
    return { guest, description: check.description(said) };
  } catch (error) {
    guest.end();
    throw error;
  } finally {
    signal?.removeEventListener("abort", giveUp);
    URL.revokeObjectURL(script);
  }
}

/** For the next instance. @type {Calls | undefined} */
let ready;

/** Has a worker come up for the next instance meanwhile: that takes as long as to load a component. */
export function getReady() {
  ready ??= empty();
}

/** What workers run. @type {string | undefined} */
let guestScript;

/** A worker that no component is in yet. */
function empty() {
  // From a blob, since then the page's content security policy binds the worker, too: whatever a component brings about in
  // there reaches no other server.
  guestScript ??= blobUrl(`import ${JSON.stringify(new URL("guest.worker.js", globalThis.location?.href).href)};`);
  return new Calls(new Worker(guestScript, { type: "module" }));
}

/** @param {string} script */
function blobUrl(script) {
  return URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
}
