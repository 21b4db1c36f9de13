// What the classes of a model are called, a line each, as the host reads it from `--labels FILE`.

/**
 * Editors put a mark at the start and blank lines at the end.
 *
 * @param {string | Uint8Array} text
 * @returns {string[]} Whether they fit the model, its component says.
 * @throws {Error} that says what is wrong with the text.
 */
export function labelsIn(text) {
  const whole = (typeof text === "string" ? text : decoded(text)).replace(/^\ufeff/, "").trimEnd();
  if (whole === "") {
    throw new Error("the list is empty: write one class name a line, the first for class 0");
  }
  return whole.split(/\r?\n/).map(line => line.trimEnd());
}

/** @param {Uint8Array} bytes */
function decoded(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("the file is not UTF-8");
  }
}
