// A component and the script that jco makes of it: as they are for whoever wants to look at them, and compressed for the page.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { coreModules } from "../src/component/core-modules.js";
import { transpile } from "../src/component/transpile.js";
import { compressed, ENDING } from "./compress.js";

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
    writeFile(join(folder, `${name}.wasm${ENDING}`), await compressed(file)),
    writeFile(join(folder, `${name}.js`), transpiled.script),
    writeFile(join(folder, `${name}.js${ENDING}`), await compressed(Buffer.from(transpiled.script))),
  ]);
}
