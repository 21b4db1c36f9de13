// A classifier as the page sees it: an instance in a worker of its own, bounded in time, and a fresh one where it fell.

import { CallError, Calls } from "./calls.js";
import * as check from "./check.js";

/** @typedef {import("./program.js").Program} Program */
/** @typedef {import("./guest.worker.js").Description} Description */

/** How long a call may take, in milliseconds, as the host's `--guest-timeout` has it; a model is read in a longer one. */
const CALL = 30_000;
const LOAD = 60_000;

export class Classifier {
  /** @type {Calls} */
  #guest;
  #spoiled = false;

  /**
   * @param {Program} program
   * @param {Uint8Array | undefined} onnx
   * @param {Calls} guest
   * @param {Description} description
   */
  constructor(program, onnx, guest, description) {
    this.program = program;
    this.onnx = onnx;
    this.#guest = guest;
    this.description = description;
  }

  /**
   * Instantiates a component, and puts a model into it where one is given.
   *
   * @param {Program} program
   * @param {Uint8Array} [onnx]
   * @returns {Promise<Classifier>}
   * @throws {Error} with a message for people; nothing is left running.
   */
  static async start(program, onnx) {
    const { guest, description } = await instantiate(program, onnx);
    return new Classifier(program, onnx, guest, description);
  }

  /**
   * @param {number} count
   * @param {Uint8Array} pixels Of `count` images, row-major N, H, W, C, raw values 0 to 255.
   * @returns {Promise<{ rows: Float32Array[], took: number }>} Probabilities of each image; milliseconds in the component.
   * @throws {CallError} where the component refuses or falls; the next call finds a fresh instance.
   */
  async predict(count, pixels) {
    // Its own bytes alone: what is sent to a worker is sent with all of the memory that it is a part of.
    const { probabilities, took } = await this.#call("predict", count, pixels.slice());
    return { rows: check.probabilities(probabilities, count, this.description.labels.length), took };
  }

  end() {
    this.#guest.end();
  }

  /**
   * @param {string} name
   * @param {...unknown} args
   */
  async #call(name, ...args) {
    if (this.#spoiled) {
      this.#guest.end();
      ({ guest: this.#guest } = await instantiate(this.program, this.onnx));
      this.#spoiled = false;
    }
    try {
      return await this.#guest.call(name, args, { timeout: CALL });
    } catch (error) {
      this.#spoiled = error instanceof CallError && (error.kind === "trap" || error.kind === "timeout");
      throw error;
    }
  }
}

/**
 * @param {Program} program
 * @param {Uint8Array} [onnx]
 */
async function instantiate(program, onnx) {
  const guest = new Calls(new Worker("guest.worker.js", { type: "module" }));
  const script = URL.createObjectURL(new Blob([program.script], { type: "text/javascript" }));
  try {
    let said = await guest.call("start", [script, program.modules], { timeout: LOAD });
    if (onnx) {
      said = await guest.call("load", [onnx], { timeout: LOAD });
    }
    return { guest, description: check.description(said) };
  } catch (error) {
    guest.end();
    throw error;
  } finally {
    URL.revokeObjectURL(script);
  }
}
