// The outputs of an ONNX model. The component takes one, so one of several has to be chosen, as with the host's --model-output,
// and what comes out has the same SHA-256.
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

import { field, fields } from "./protobuf.js";

/** @typedef {import("./protobuf.js").Bytes} Bytes */

/** Of a model its graph, of that its outputs, and of these their names. */
const [GRAPH, OUTPUT, NAME] = [7, 12, 1];

/**
 * The names of a model's outputs.
 *
 * @param {Bytes} onnx
 * @returns {string[]} None where it is no ONNX model: the component says what is wrong with it.
 */
export function outputs(onnx) {
  try {
    const graphs = [...fields(onnx)].filter(({ number, content }) => number === GRAPH && content);
    const all = graphs.flatMap(({ content }) => [...fields(/** @type {Bytes} */ (content))]);
    return all.filter(({ number, content }) => number === OUTPUT && content).map(nameOf);
  } catch {
    return [];
  }
}

/**
 * The same model with one output alone.
 *
 * @param {Bytes} onnx
 * @param {string} output Its name.
 * @returns {Promise<Bytes>}
 */
export async function withOutput(onnx, output) {
  const parts = [...fields(onnx)].flatMap(({ number, whole, content }) => {
    if (number !== GRAPH || !content) {
      return [whole];
    }
    const kept = [...fields(content)].filter(part => part.number !== OUTPUT || nameOf(part) === output);
    return field(
      GRAPH,
      kept.map(part => part.whole),
    );
  });
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** @param {{ content?: Bytes }} output */
function nameOf({ content }) {
  const name = [...fields(/** @type {Bytes} */ (content))].find(({ number }) => number === NAME);
  return new TextDecoder().decode(name?.content);
}
