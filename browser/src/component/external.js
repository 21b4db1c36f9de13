// ONNX models whose weights lie in files beside them, as PyTorch writes them by default: the weights are put into the model,
// and nothing else of it changes. The host does the same with files on a disk, and what comes out has the same SHA-256.
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

import { bytes, LARGEST } from "../picture/open.js";
import { field, fields } from "./protobuf.js";

/** Which fields of a message hold messages on the way to a tensor. @type {Record<string, Record<number, string>>} */
const WITHIN = {
  model: { 7: "graph", 25: "function" },
  function: { 7: "node", 11: "attribute" },
  graph: { 1: "node", 5: "tensor", 15: "sparse" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse" },
  sparse: { 1: "tensor", 2: "tensor" },
};
/** Of a tensor: its values, where they lie, and whether they lie elsewhere. */
const [RAW, EXTERNAL, LOCATION] = [9, 13, 14];
/** How deep graphs may lie in each other, in messages. */
const DEEPEST = 64;

/**
 * A model with all of its weights.
 *
 * @param {Uint8Array<ArrayBuffer>} onnx
 * @param {File[]} files What came with it.
 * @returns {Promise<Uint8Array<ArrayBuffer>>} The same bytes where the model needs no other file, or is no ONNX model.
 * @throws {Error} that names the file that is missing or too short.
 */
export async function whole(onnx, files) {
  /** @type {Set<string>} */
  const names = new Set();
  try {
    rewritten(onnx, "model", place => names.add(place.location), 0);
  } catch {
    // The component says what is wrong with it.
    return onnx;
  }
  if (names.size === 0) {
    return onnx;
  }
  /** @type {Map<string, Uint8Array>} */
  const data = new Map();
  for (const name of names) {
    const file = files.find(file => file.name === name.split("/").at(-1));
    if (!file) {
      throw new Error(`the weights of the model are in '${name}': choose or drop both files together`);
    }
    data.set(name, await bytes(file));
  }
  let left = LARGEST;
  const weights = (/** @type {Place} */ { location, offset, length }) => {
    const file = /** @type {Uint8Array} */ (data.get(location));
    const end = length === undefined ? file.length : offset + length;
    if (!(offset <= end && end <= file.length)) {
      throw new Error(`'${location}' has ${file.length} bytes, and weights of the model end at byte ${end}`);
    }
    left -= end - offset;
    if (left < 0) {
      throw new Error(`the weights of the model are more than ${LARGEST} bytes together`);
    }
    return file.subarray(offset, end);
  };
  return new Uint8Array(await new Blob(rewritten(onnx, "model", weights, 0)).arrayBuffer());
}

/** @typedef {{ location: string, offset: number, length?: number }} Place */
/** @typedef {import("./protobuf.js").Bytes} Bytes */

/**
 * The parts of a message, in which each tensor has the values that `weights` gives it.
 *
 * @param {Bytes} message
 * @param {string} kind
 * @param {(place: Place) => unknown} weights
 * @param {number} depth
 * @returns {Bytes[]}
 */
function rewritten(message, kind, weights, depth) {
  if (depth > DEEPEST) {
    throw new RangeError("too deep");
  }
  const all = [...fields(message)];
  if (kind === "tensor" && all.some(({ number, value }) => number === LOCATION && value === 1)) {
    const values = weights(placeOf(all.filter(({ number }) => number === EXTERNAL).map(({ content }) => content)));
    const rest = all.filter(({ number }) => ![RAW, EXTERNAL, LOCATION].includes(number)).map(({ whole }) => whole);
    return values instanceof Uint8Array ? [...rest, ...field(RAW, [/** @type {Bytes} */ (values)])] : rest;
  }
  return all.flatMap(({ number, whole, content }) => {
    const inner = WITHIN[kind]?.[number];
    return inner && content ? field(number, rewritten(content, inner, weights, depth + 1)) : [whole];
  });
}

/**
 * What the entries of `external_data` say.
 *
 * @param {(Bytes | undefined)[]} entries
 * @returns {Place}
 */
function placeOf(entries) {
  const decode = (/** @type {Bytes | undefined} */ bytes) => new TextDecoder().decode(bytes);
  const said = new Map(
    entries.map(entry => {
      const pair = [...fields(/** @type {Bytes} */ (entry))];
      const text = (/** @type {number} */ wanted) => decode(pair.find(({ number }) => number === wanted)?.content);
      return [text(1), text(2)];
    }),
  );
  const length = said.get("length");
  return {
    location: said.get("location") ?? "",
    offset: Number(said.get("offset") ?? 0),
    ...(length !== undefined && { length: Number(length) }),
  };
}
