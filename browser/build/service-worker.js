// Puts the list of the page's files into its service worker.

import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Loaded when they are asked for, and kept then: the test images, the uncompressed component, and what debuggers want. */
const LATER = /^(test-images\/all-.*|classifier\.wasm|licences\.txt|sw\.js|.*\.map)$/;

/** @param {string} folder Holds all other files of the page. */
export async function serviceWorker(folder) {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter(name => !LATER.test(name))
    .sort();
  const version = createHash("sha256");
  for (const name of names) {
    version.update(name).update(await readFile(join(folder, name)));
  }
  const path = join(folder, "sw.js");
  const script = await readFile(path, "utf8");
  const files = JSON.stringify(["./", ...names.filter(name => name !== "index.html")]);
  await writeFile(path, `const VERSION = "${version.digest("hex").slice(0, 16)}";\nconst FILES = ${files};\n${script}`);
}
