// Files of the page's own folder. Large ones lie there compressed, which any web server passes on as they are: the page takes
// less than half of the bytes and asks no server for anything.

import { messageOf } from "../error.js";

/**
 * @callback Progress
 * @param {number} loaded Bytes that have come.
 * @param {number} total Bytes that will come, as far as is known; else 0.
 */

/**
 * A file that is compressed in the page's folder, expanded as it comes.
 *
 * @param {string} path Relative to the page, without the ending of what is compressed.
 * @param {Progress} [progress]
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 * @throws {Error} with a message for people.
 */
export async function expanded(path, progress = () => {}) {
  const response = await get(`${path}.gzip`);
  const total = Number(response.headers.get("content-length")) || 0;
  let loaded = 0;
  const counted = new TransformStream({
    transform(part, stream) {
      loaded += part.length;
      progress(loaded, total);
      stream.enqueue(part);
    },
  });
  try {
    const body = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body);
    const whole = body.pipeThrough(counted).pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(whole).arrayBuffer());
  } catch (error) {
    throw new Error(`${path} did not load completely (${messageOf(error)}): load the page again`);
  }
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
