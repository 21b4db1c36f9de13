// Makes a component loadable in a browser: JavaScript that links its core modules, as jco writes it. Separate because the
// build does it to the built-in component, and the page to one that is loaded from a file, in the same way.

import { $init, generate } from "@bytecodealliance/jco-transpile/component";

/**
 * What jco makes of a component.
 *
 * @typedef {object} Transpiled
 * @property {string} script An ES module that exports `instantiate(getCoreModule, imports)`.
 * @property {Uint8Array[]} coreModules In the order of the names `component.core.wasm`, `component.core2.wasm`, ...
 * @property {string[]} imports Interfaces it asks for, without versions.
 * @property {string[]} exports Interfaces it offers, with versions.
 */

/**
 * @param {Uint8Array} component
 * @returns {Promise<Transpiled>}
 * @throws where the bytes are no valid component; the message is jco's.
 */
export async function transpile(component) {
  await $init;
  const { files, imports, exports } = generate(component, {
    name: "component",
    map: [],
    instantiation: { tag: "async" },
    noTypescript: true,
    noNodejsCompat: true,
    // What a function of the component refuses is thrown as it is, without an Error around it.
    noComponentErrorWrapping: true,
    noNamespacedExports: false,
    base64Cutoff: 0,
  });
  /** @param {string} suffix */
  const ending = suffix => files.filter(([name]) => name.endsWith(suffix)).map(([, bytes]) => bytes);
  const [script] = ending(".js");
  return {
    script: new TextDecoder().decode(script),
    coreModules: ending(".wasm"),
    imports,
    exports: exports.map(([name]) => name),
  };
}
