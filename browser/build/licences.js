// The licences of what others wrote and the page is made of; they ask to be passed on with it.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BROWSER } from "./paths.js";

const ABOUT = `Packages of npm that are a part of this page's scripts, with their licences. That of the test images is
test-images/LICENSE. classifier.wasm and classifier-full.wasm are made of the crates that the Cargo.lock of this project lists; js-component-bindgen-component
is jco's, with its crates.
`;

/**
 * @param {string[]} files Paths of all that is in a bundle, relative to this package.
 * @param {string} path Where to write.
 */
export async function licences(files, path) {
  const packages = files.flatMap(file => file.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1] ?? []);
  const texts = await Promise.all([...new Set(packages)].sort().map(licence));
  await writeFile(path, [ABOUT, ...texts].join(`\n${"=".repeat(100)}\n\n`));
}

/** @param {string} name */
async function licence(name) {
  const folder = join(BROWSER, "node_modules", name);
  const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const files = (await readdir(folder)).filter(file => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
  if (files.length === 0) {
    throw new Error(`${name} brings no text of its licence (${license}): do without it, or write its text here`);
  }
  const texts = await Promise.all(files.map(file => readFile(join(folder, file), "utf8")));
  return `${name} ${version}, ${license}\n\n${texts.join("\n")}`;
}
