// The page's modules and styles, bundled for browsers that know module workers and 128-bit SIMD in WebAssembly.

import { copyFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { BROWSER } from "./paths.js";

/** What `static/requirements.js` says to whoever has less. */
const TARGETS = ["chrome111", "firefox119", "safari16.4"];

/** The page, what its workers run, and how it looks. */
const ENTRIES = [
  "src/main.js",
  "src/component/guest.worker.js",
  "src/component/loader.worker.js",
  "src/picture/picture.worker.js",
  "static/page.css",
];

/**
 * @param {string} folder
 * @returns {Promise<string[]>} Files of which something is in a bundle.
 */
export async function scripts(folder) {
  const bundled = await Promise.all(ENTRIES.map(entry => script(entry, folder)));
  await transpiler(folder);
  return bundled.flat();
}

/**
 * A bundle of its own for each, as one that shares its modules with others has the browser ask for them one after another.
 *
 * @param {string} entry
 * @param {string} folder
 * @returns {Promise<string[]>} Files of which something is in it.
 */
async function script(entry, folder) {
  const { metafile } = await build({
    absWorkingDir: BROWSER,
    entryPoints: [entry],
    outdir: folder,
    entryNames: "[name]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    // What is imported while it runs lies beside it.
    splitting: true,
    format: "esm",
    platform: "browser",
    // Only where jco runs in Node.
    external: ["node:fs/promises"],
    target: TARGETS,
    minify: true,
    sourcemap: true,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  return Object.keys(metafile.inputs);
}

/**
 * jco is a component too, and fetches its core modules from beside its script.
 *
 * @param {string} folder
 */
async function transpiler(folder) {
  const script = fileURLToPath(import.meta.resolve("@bytecodealliance/jco-transpile/component"));
  for (const number of ["", "2"]) {
    const module = script.replace(/\.js$/, `.core${number}.wasm`);
    await copyFile(module, join(folder, basename(module)));
  }
}
