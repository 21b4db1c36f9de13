// SHA-256 of a file, as the host shows it.

/**
 * @param {Uint8Array<ArrayBuffer>} file
 * @returns {Promise<string>} In lower-case hex.
 */
export async function sha256(file) {
  // Over plain HTTP from another machine browsers keep theirs to themselves.
  const digest = crypto.subtle
    ? new Uint8Array(await crypto.subtle.digest("SHA-256", file))
    : (await import("@noble/hashes/sha2.js")).sha256(file);
  return Array.from(digest, byte => byte.toString(16).padStart(2, "0")).join("");
}
