// Puts the list of the page's files into its service worker.

import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Loaded when the gallery is opened, when a model is chosen, or when a model needs it, and kept then. */
const LATER = /^(test-images\/all-|models\/|classifier-full\.)/;
/** Not kept: what the page itself does not load, as it takes it compressed or debuggers want it. */
const NEVER = /^(classifier(-full)?\.(wasm|js)|licences\.txt|test-images\/LICENSE|sw\.js|.*\.map)$/;

/** @param {string} folder Holds all other files of the page. */
export async function serviceWorker(folder) {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter(name => !NEVER.test(name))
    .sort();
  const first = names.filter(name => !LATER.test(name));
  const version = createHash("sha256");
  for (const name of names) {
    version.update(name).update(await readFile(join(folder, name)));
  }
  const path = join(folder, "sw.js");
  const script = await readFile(path, "utf8");
  const constants = {
    VERSION: version.digest("hex").slice(0, 16),
    FILES: ["./", ...first],
    LATER: names.filter(name => LATER.test(name)),
  };
  const lines = Object.entries(constants).map(([name, value]) => `const ${name} = ${JSON.stringify(value)};\n`);
  await writeFile(path, lines.join("") + script);
}
