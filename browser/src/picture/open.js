// Files that were chosen, dropped or pasted: what they are by their first bytes, and pictures made into pixels.

import { begins, pictureType } from "./media.js";
import { MOST, pixelsOf16 } from "./sixteen.js";

/** @typedef {"wasm" | "onnx" | "picture" | "text" | "empty" | "unknown"} Kind */

/**
 * What a file is, as far as it takes to put it where it belongs: what is neither a component nor a model is the component's to
 * read.
 *
 * @param {File} file
 */
export async function kindOf(file) {
  return kindOfBytes(file.name, await read(file, file.slice(0, 512)));
}

/**
 * @param {string} name Of the file; only what has no signature, ONNX, is recognised by it.
 * @param {Uint8Array} head The first bytes, some hundreds.
 * @returns {Kind}
 */
export function kindOfBytes(name, head) {
  if (head.length === 0) {
    return "empty";
  }
  if (begins(head, "\0asm")) {
    return "wasm";
  }
  if (pictureType(head)) {
    return "picture";
  }
  if (/\.onnx$/i.test(name)) {
    return "onnx";
  }
  return isText(head) ? "text" : "unknown";
}

/** @param {Uint8Array} head */
function isText(head) {
  // A character may be cut at the end: `stream` waits for the rest of it.
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return !/(?![\t\n\f\r])\p{Cc}/u.test(text);
  } catch {
    return false;
  }
}

/**
 * The pixels of a picture that the browser can decode, upright, and no more than `MOST`.
 *
 * @param {Blob} file
 * @returns {Promise<ImageData>}
 * @throws where it cannot decode the file.
 */
export async function pixelsOf(file) {
  const read = await pixelsOf16(file);
  if (read) {
    return read;
  }
  // As stored: a colour profile would change values that the host leaves alone.
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const pixels = draw(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
  return pixels;
}

/**
 * Pixels of anything that can be drawn, such as a frame of a camera; no more than `MOST`.
 *
 * @param {CanvasImageSource} source
 * @param {number} sourceWidth
 * @param {number} sourceHeight
 */
export function draw(source, sourceWidth, sourceHeight) {
  const scale = Math.min(1, Math.sqrt(MOST / (sourceWidth * sourceHeight)));
  const [width, height] = [sourceWidth, sourceHeight].map(side => Math.max(1, Math.floor(side * scale)));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) {
    throw new Error("this browser has no canvas to read a picture with");
  }
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/**
 * Values of one or three channels as a picture.
 *
 * @param {import("./resize.js").Raster} raster
 */
export function imageDataOf({ width, height, channels, values }) {
  const picture = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      picture.data[pixel * 4 + channel] = values[pixel * channels + (channels === 1 ? 0 : channel)];
    }
    picture.data[pixel * 4 + 3] = 255;
  }
  return picture;
}

/** The largest file that is read, in bytes. */
export const LARGEST = 512 * 1024 * 1024;

/** What a file is, for who meant another kind. */
const KINDS = {
  wasm: "a WebAssembly file",
  onnx: "an ONNX model",
  picture: "a picture",
  text: "text",
  empty: "empty",
  unknown: "of no kind that is known here",
};

/**
 * Refuses a file of another kind.
 *
 * @param {File} file
 * @param {"onnx" | "wasm"} kind
 * @param {string} expected The kind, for people.
 * @throws {Error} with a message for people.
 */
export async function expect(file, kind, expected) {
  const found = await kindOf(file);
  // ONNX has no signature, so what has none of another kind is left for the component to judge.
  if (found !== kind && !(kind === "onnx" && found === "unknown")) {
    throw new Error(`'${file.name}' is ${KINDS[found]}, and ${expected} is needed here`);
  }
}

/**
 * All of a file.
 *
 * @param {File} file
 * @throws {Error} with a message for people.
 */
export async function bytes(file) {
  if (file.size > LARGEST) {
    throw new Error(`'${file.name}' has ${file.size} bytes, and at most ${LARGEST} are read`);
  }
  return read(file, file);
}

/**
 * @param {File} file
 * @param {Blob} part
 */
async function read(file, part) {
  const buffer = await part.arrayBuffer().catch(() => {
    throw new Error(`'${file.name}' cannot be read: does it still exist, and is it a file?`);
  });
  return new Uint8Array(buffer);
}
