// Zstandard at a slow level, as a file is compressed once and loaded many times; what was compressed before is kept.

import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Zstd } from "@hpcc-js/wasm-zstd";
import { CACHE } from "./paths.js";

const LEVEL = 19;

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<Uint8Array>}
 */
export async function compressed(bytes) {
  const kept = join(CACHE, `${createHash("sha256").update(bytes).digest("hex")}-${LEVEL}.zst`);
  try {
    return await readFile(kept);
  } catch {
    const zstd = await Zstd.load();
    const small = zstd.compress(bytes, LEVEL);
    await mkdir(CACHE, { recursive: true });
    // Whole or not at all, also where two builds run.
    await writeFile(`${kept}.${process.pid}`, small);
    await rename(`${kept}.${process.pid}`, kept);
    return small;
  }
}
