// The models that the page comes with beside the one in its component; each is loaded when it is chosen.

import { get } from "./download.js";

/**
 * With its accuracy on the 10,000 test images in percent and its size in bytes, as models/README.md has them.
 *
 * @typedef {{ name: string, accuracy: string, bytes: number }} Bundled
 */

/** The first is the one that is built into the component. @type {Bundled[]} */
export const MODELS = [
  { name: "fashion-small", accuracy: "94.04", bytes: 289_219 },
  { name: "fashion-small-int8", accuracy: "94.03", bytes: 165_671 },
  { name: "fashion-large", accuracy: "95.14", bytes: 2_317_684 },
];

/**
 * @param {string} name
 * @returns {Promise<import("./classifier.js").Model>}
 */
export async function bundled(name) {
  const response = await get(`models/${name}.onnx`);
  return { name: `${name}.onnx`, bytes: new Uint8Array(await response.arrayBuffer()) };
}
