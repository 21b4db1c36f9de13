// Programs of files, made by a worker of their own each: what one file brings about is over with it.

import { Calls } from "./calls.js";

/** @typedef {import("./program.js").Program} Program */

/** How long it may take to make a program of a file, in milliseconds. */
const LOAD = 120_000;

/**
 * @param {string} name
 * @param {Uint8Array} file
 * @returns {Promise<Program>}
 */
export async function other(name, file) {
  const loader = new Calls(new Worker("loader.worker.js", { type: "module" }));
  try {
    return await loader.call("other", [name, file], { timeout: LOAD });
  } finally {
    loader.end();
  }
}
