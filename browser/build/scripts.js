// The page's modules, bundled for browsers that know module workers and 128-bit SIMD in WebAssembly.

import { copyFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { BROWSER } from "./paths.js";

/** What `static/requirements.js` says to whoever has less. */
const TARGETS = ["chrome111", "firefox119", "safari16.4"];

const worker = (/** @type {string} */ name) => `src/${name}.worker.js`;

/**
 * @param {string} folder
 * @returns {Promise<string[]>} Files of which something is in a bundle.
 */
export async function scripts(folder) {
  const { metafile } = await build({
    absWorkingDir: BROWSER,
    entryPoints: ["src/main.js", ...["component/loader", "component/guest", "picture/picture"].map(worker)],
    outdir: folder,
    entryNames: "[name]",
    chunkNames: "[name]-[hash]",
    bundle: true,
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
  await transpiler(folder);
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
