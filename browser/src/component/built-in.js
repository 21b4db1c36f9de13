// The components that the page comes with. What takes time the browser does itself, in small parts or beside the page's thread.

import { coreModules } from "./core-modules.js";
import { sha256 } from "./digest.js";
import { expanded } from "./download.js";

/** @typedef {import("./program.js").Program} Program */

/**
 * A component whose core modules are in the file, and whose script was made beforehand.
 *
 * @param {string} name
 * @param {import("./download.js").Progress} [progress]
 * @returns {Promise<Program>}
 */
export async function builtIn(name, progress) {
  const script = expanded(name.replace(/wasm$/, "js")).then(bytes => new TextDecoder().decode(bytes));
  const file = await expanded(name, progress);
  const modules = coreModules(file).map(module => WebAssembly.compile(/** @type {Uint8Array<ArrayBuffer>} */ (module)));
  return {
    name,
    size: file.length,
    digest: await sha256(file),
    script: await script,
    modules: await Promise.all(modules),
  };
}
