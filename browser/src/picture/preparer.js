// The worker that prepares pictures, as the page sees it: one for all models, and a fresh one where it has failed.

import { Calls } from "../component/calls.js";

/** @typedef {import("./picture.worker.js").Prepared} Prepared */
/** @typedef {import("./prepare.js").Preparation} Preparation */

export class Preparer {
  #worker = start();
  #next = 0;
  /** @type {WeakMap<Blob | ImageData, number>} */
  #ids = new WeakMap();

  /**
   * @param {Blob | ImageData} source
   * @param {Preparation} preparation
   * @param {{ width: number, height: number, channels: number }} model
   * @param {(what: string) => void} [progress] Hears `Decoding` and `Preparing`.
   * @returns {Promise<Prepared>}
   * @throws {Error} where this browser cannot decode the file.
   */
  prepare(source, preparation, { width, height, channels }, progress) {
    const id = this.#ids.get(source) ?? this.#next++;
    this.#ids.set(source, id);
    if (this.#worker.hasEnded) {
      this.#worker = start();
    }
    return this.#worker.call("prepare", [id, source, preparation, { width, height, channels }], { progress });
  }
}

function start() {
  return new Calls(new Worker("picture.worker.js", { type: "module" }));
}
