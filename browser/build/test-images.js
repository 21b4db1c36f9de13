// The test images: a hundred to pick from at once, and all of them for the gallery.

import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { compressed, ENDING } from "./compress.js";
import { MODELS } from "./paths.js";

const FIRST = 100;

/** @param {string} folder */
export async function testImages(folder) {
  await mkdir(join(folder, "test-images"));
  await copyFile(join(MODELS, "data", "LICENSE"), join(folder, "test-images", "LICENSE"));
  for (const [kind, name] of [
    ["images", "t10k-images-idx3-ubyte.gz"],
    ["labels", "t10k-labels-idx1-ubyte.gz"],
  ]) {
    const all = gunzipSync(await readFile(join(MODELS, "data", name)));
    for (const [which, file] of [
      ["all", all],
      ["first", beginning(all)],
    ]) {
      await writeFile(
        join(folder, "test-images", `${which}-${kind}${ENDING}`),
        await compressed(/** @type {Buffer} */ (file)),
      );
    }
  }
}

/**
 * An IDX file of the first images, or labels, of another.
 *
 * @param {Buffer} all
 */
function beginning(all) {
  const header = 4 + 4 * all[3];
  const one = (all.length - header) / all.readUInt32BE(4);
  const first = Buffer.from(all.subarray(0, header + FIRST * one));
  first.writeUInt32BE(FIRST, 4);
  return first;
}
