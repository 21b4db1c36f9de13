// A component: the file itself, the same compressed, and the script that jco makes of it.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { coreModules } from "../src/component/core-modules.js";
import { transpile } from "../src/component/transpile.js";
import { compressed } from "./compress.js";

/**
 * @param {string} name
 * @param {Uint8Array} file
 * @param {string} folder
 */
export async function component(name, file, folder) {
  const transpiled = await transpile(file);
  // The page takes the core modules out of the file rather than load them beside it; so they have to be the same.
  const within = coreModules(file);
  const same = (/** @type {Uint8Array} */ module, /** @type {number} */ number) =>
    Buffer.compare(module, within[number] ?? new Uint8Array()) === 0;
  if (within.length !== transpiled.coreModules.length || !transpiled.coreModules.every(same)) {
    throw new Error("jco no longer gives core modules out as they stand in the component: ship them beside it");
  }
  await Promise.all([
    writeFile(join(folder, `${name}.wasm`), file),
    writeFile(join(folder, `${name}.wasm.zst`), await compressed(file)),
    writeFile(join(folder, `${name}.js`), transpiled.script),
  ]);
}
