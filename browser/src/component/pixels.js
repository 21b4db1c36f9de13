// Pixels for a component without the interface `tensors`: they reach it as a message, in a format that it accepts.

import { text } from "./check.js";

/** @typedef {import("./guest.worker.js").Description} Description */

/**
 * @param {Uint8Array} pixels Of `count` images, row-major N, H, W, C, raw values 0 to 255.
 * @param {number} count
 * @param {Description} description
 * @returns {{ body: Uint8Array<ArrayBuffer>, contentType: string }}
 * @throws {Error} where it accepts no format of pixels that is known here.
 */
export function message(pixels, count, { accepts, height, width, channels }) {
  const takes = (/** @type {string} */ wanted) => accepts.some(media => media.split(";", 1)[0].trim() === wanted);
  const shape = [count, height, width, channels];
  if (takes("application/octet-stream")) {
    return { body: pixels.slice(), contentType: `application/octet-stream;shape=${shape.join(",")}` };
  }
  if (takes("application/json")) {
    const array = nested([...pixels], shape.slice(1));
    return { body: new TextEncoder().encode(JSON.stringify({ array })), contentType: "application/json" };
  }
  const formats = text(accepts.join(", "));
  throw new Error(`the component takes no pixels of this page: it has no interface tensors, and accepts ${formats}`);
}

/**
 * Scores as a row for each image: of a class that has none 1 where it is the answer, and else 0.
 *
 * @param {import("./answer.js").Score[][]} images
 * @param {number} labels
 */
export function rows(images, labels) {
  return images.map(scores => {
    const row = new Float32Array(labels);
    for (const { class: number, score = 1 } of scores) {
      row[number] = score;
    }
    return row;
  });
}

/**
 * Lists of lists: the last size is that of the innermost.
 *
 * @param {unknown[]} values
 * @param {number[]} sizes
 * @returns {unknown[]}
 */
function nested(values, sizes) {
  return sizes.reduceRight((list, size) => {
    const lists = [];
    for (let at = 0; at < list.length; at += size) {
      lists.push(list.slice(at, at + size));
    }
    return lists;
  }, values);
}
