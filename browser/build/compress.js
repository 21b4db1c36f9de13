// gzip, which every browser expands by itself, as it comes and apart from the page's thread. Zstandard makes files a sixth
// smaller, and no browser of today expands it for a script: one that does it took longer than the network.

import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";

/** What the names of compressed files end with. Not `.gz`, of which some servers say that it is an encoding. */
export const ENDING = ".gzip";

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<Uint8Array>}
 */
export function compressed(bytes) {
  return promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION });
}
