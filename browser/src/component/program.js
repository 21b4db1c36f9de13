// A component that is ready to be instantiated. It is made once and handed to as many workers as there are instances: a
// compiled module is shared between threads, not copied.

import { messageOf } from "../error.js";
import { text } from "./check.js";
import { kindOfWasm } from "./core-modules.js";
import { sha256 } from "./digest.js";
import { chosen, exact, offered, VERSION } from "./versions.js";

/**
 * @typedef {object} Program
 * @property {string} name Of the file.
 * @property {number} size Of the file, in bytes.
 * @property {string} digest SHA-256 of the file in lower-case hex, as `host inspect` shows it.
 * @property {string} script An ES module that links the core modules, as jco writes it.
 * @property {WebAssembly.Module[]} modules
 */

const PLAIN = /^[\w\-.:/@#$[\]<>= ]*$/;

/** A file that cannot be run as a component; the message is for people. */
export class NoProgram extends Error {}

/**
 * A component that the page does not come with: jco writes its script here.
 *
 * @param {string} name
 * @param {Uint8Array<ArrayBuffer>} file
 * @param {string[]} given Names of what it may import, without versions.
 * @returns {Promise<Program>}
 * @throws {NoProgram}
 */
export async function transpiled(name, file, given) {
  refuseOtherFiles(name, file);
  // A megabyte that only those load who need it.
  const { transpile } = await import("./transpile.js");
  const damaged = (/** @type {unknown} */ error) => {
    throw new NoProgram(`'${name}' is a damaged component: ${text(messageOf(error).split("\n", 1)[0])}`);
  };
  const { script, coreModules, imports, exports } = await transpile(file).catch(damaged);
  const modules = await compiled(coreModules).catch(damaged);
  const odd = modules.flatMap(names).find(name => !PLAIN.test(name));
  if (odd !== undefined) {
    throw new NoProgram(`'${name}' has the name '${text(odd)}' inside, which no compiler writes`);
  }
  const foreign = imports.filter(name => !given.includes(name));
  if (foreign.length > 0) {
    throw new NoProgram(`'${name}' asks for ${text(foreign.join(", "))}: a classifier is given none of that`);
  }
  refuseOtherWorlds(name, exports);
  return { name, size: file.length, digest: await sha256(file), script, modules };
}

/**
 * Every component exports `messages`; what else it exports, a worker finds that runs it.
 *
 * @param {string} name
 * @param {string[]} exports
 */
function refuseOtherWorlds(name, exports) {
  if (chosen("messages", VERSION, exports) !== undefined) {
    return;
  }
  const [other] = offered("messages", exports);
  if (other !== undefined) {
    const remedy = `this page's ${VERSION}; build it from the wit/classifier.wit of this page`;
    throw new NoProgram(`'${name}' exports ${text(other)}, a version of the contract that does not go with ${remedy}`);
  }
  throw new NoProgram(`'${name}' is a component, but no classifier: it does not export ${exact("messages")}`);
}

/**
 * jco writes these names into its script as they stand, between quotes, so what could end a quotation would be run.
 *
 * @param {WebAssembly.Module} module
 */
function names(module) {
  const imports = WebAssembly.Module.imports(module).flatMap(({ module, name }) => [module, name]);
  return [...imports, ...WebAssembly.Module.exports(module).map(({ name }) => name)];
}

/**
 * @param {string} name
 * @param {Uint8Array} file
 */
function refuseOtherFiles(name, file) {
  const kind = kindOfWasm(file);
  if (kind === "module") {
    throw new NoProgram(`'${name}' is a core WebAssembly module, no component; build it for wasm32-wasip2`);
  }
  if (kind === "other") {
    throw new NoProgram(`'${name}' is no WebAssembly component: a component begins with '\\0asm'`);
  }
}

/** @param {Uint8Array<ArrayBufferLike>[]} modules */
function compiled(modules) {
  return Promise.all(modules.map(module => WebAssembly.compile(/** @type {Uint8Array<ArrayBuffer>} */ (module))));
}
