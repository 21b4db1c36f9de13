// Programs, made by a worker of their own each: what one file brings about is over with it.

import { Calls } from "./calls.js";

/** @typedef {import("./program.js").Program} Program */

/** How long it may take to make a program of a file, in milliseconds. */
const LOAD = 120_000;

/**
 * A component that the page comes with.
 *
 * @param {string} name
 * @param {import("./download.js").Progress} [progress]
 * @returns {Promise<Program>}
 */
export function builtIn(name, progress) {
  return call("builtIn", [name], { progress });
}

/**
 * A component from a file.
 *
 * @param {string} name
 * @param {Uint8Array} file
 * @returns {Promise<Program>}
 */
export function other(name, file) {
  return call("other", [name, file], { timeout: LOAD });
}

/**
 * @param {string} name
 * @param {unknown[]} args
 * @param {{ progress?: Function, timeout?: number }} options
 */
async function call(name, args, options) {
  const loader = new Calls(new Worker("loader.worker.js", { type: "module" }));
  try {
    return await loader.call(name, args, options);
  } finally {
    loader.end();
  }
}
