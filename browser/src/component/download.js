// Files of the page's own folder. Large ones lie there compressed with Zstandard, which any web server passes on as it is:
// the page takes a sixth of the bytes and asks no server for anything.

import { Decompress } from "fzstd";
import { messageOf } from "../error.js";

/**
 * @callback Progress
 * @param {number} loaded Bytes that have come.
 * @param {number} total Bytes that will come, as far as is known; else 0.
 */

/**
 * A compressed file, expanded as it comes.
 *
 * @param {string} path Relative to the page; ends with `.zst`.
 * @param {Progress} [progress]
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 * @throws {Error} with a message for people.
 */
export async function expanded(path, progress = () => {}) {
  const response = await get(path);
  const total = Number(response.headers.get("content-length")) || 0;
  /** @type {Uint8Array[]} */
  const parts = [];
  const expand = new Decompress(part => parts.push(part));
  let loaded = 0;
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      loaded += read.value.length;
      progress(loaded, total);
      expand.push(read.value);
    }
    expand.push(new Uint8Array(), true);
  } catch (error) {
    throw new Error(`${path} did not load completely (${messageOf(error)}): load the page again`);
  }
  return joined(parts);
}

/**
 * A text file as it is.
 *
 * @param {string} path
 */
export async function text(path) {
  return (await get(path)).text();
}

/**
 * @param {string} path
 * @throws {Error} with a message for people.
 */
export async function get(path) {
  const response = await fetch(path).catch(() => {
    throw new Error(`${path} cannot be loaded: is the server still running?`);
  });
  if (!response.ok) {
    throw new Error(`${path} cannot be loaded: the server answered ${response.status} ${response.statusText}`);
  }
  return response;
}

/** @param {Uint8Array[]} parts */
function joined(parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}
