// Rules that can be read off the sources.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Of dependencies; all but MPL's may be passed on in a bundle, and what is under MPL is for tests. */
const LICENCES =
  /^(MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|MPL-2\.0|MIT OR Apache-2\.0|\(Apache-2\.0 WITH LLVM-exception\))$/;

/**
 * Files of some folders, with what is in them.
 *
 * @param {string[]} folders
 * @param {RegExp} name
 */
async function files(folders, name) {
  const found = [];
  for (const folder of folders) {
    for (const entry of await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && name.test(entry.name)) {
        const path = join(entry.parentPath, entry.name);
        found.push({ path: path.slice(ROOT.length), text: await readFile(path, "utf8") });
      }
    }
  }
  assert.ok(found.length > 0);
  return found;
}

test("every module says what it is, and is short enough to be read", async () => {
  for (const { path, text } of await files(["build", "drive", "src", "test"], /\.js$/)) {
    assert.match(text, path.includes("test.js") ? /^(\/\/ |import )/ : /^\/\/ /, path);
    assert.ok(text.split("\n").length <= 300, path);
  }
});

test("the page loads nothing from anywhere else", async () => {
  for (const { path, text } of await files(["src", "static"], /\.(js|html|css|webmanifest)$/)) {
    // Comments may say where a format is defined.
    const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
    assert.doesNotMatch(code, /https?:|["'`(]\/\//, path);
  }
});

test("dependencies are pinned by hash, name no registry and have permissive licences", async () => {
  const { packages } = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8"));
  for (const [name, { integrity, resolved, license }] of Object.entries(packages)) {
    if (name !== "") {
      assert.ok(integrity, name);
      assert.equal(resolved, undefined, name);
      assert.match(license, LICENCES, name);
    }
  }
});
