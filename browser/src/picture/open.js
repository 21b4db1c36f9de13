// Files that were picked, dropped or pasted: what they are by their first bytes, and pictures made into pixels.

import { MOST, pixelsOf16 } from "./sixteen.js";

/** @typedef {"wasm" | "onnx" | "picture" | "svg" | "text" | "empty" | "unknown"} Kind */

/**
 * @param {string} name Of the file; only what has no signature, ONNX, is told by it.
 * @param {Uint8Array} head The first bytes, some hundreds.
 * @returns {Kind}
 */
export function kindOf(name, head) {
  if (head.length === 0) {
    return "empty";
  }
  if (begins(head, "\0asm")) {
    return "wasm";
  }
  if (PICTURES.some(signature => begins(head, signature)) || isWebp(head) || isAvif(head)) {
    return "picture";
  }
  if (/\.onnx$/i.test(name)) {
    return "onnx";
  }
  if (!isText(head)) {
    return "unknown";
  }
  return /<svg\b/i.test(new TextDecoder().decode(head)) ? "svg" : "text";
}

const PICTURES = ["\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF8", "BM"];
const isWebp = (/** @type {Uint8Array} */ head) => begins(head, "RIFF") && begins(head.subarray(8), "WEBP");
const isAvif = (/** @type {Uint8Array} */ head) => begins(head.subarray(4), "ftypavif");

/**
 * @param {Uint8Array} bytes
 * @param {string} signature
 */
function begins(bytes, signature) {
  return [...signature].every((character, place) => bytes[place] === character.charCodeAt(0));
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
 * The pixels of a picture that the browser can read, upright, and no more than `MOST`.
 *
 * @param {Blob} file
 * @param {string} name
 * @returns {Promise<{ pixels: ImageData, smaller: string }>} `smaller` says that it was made so, and from what; else empty.
 * @throws {Error} with a message for people.
 */
export async function pixelsOf(file, name) {
  const read = await pixelsOf16(file);
  if (read) {
    return { pixels: read, smaller: "" };
  }
  // As stored: a colour profile would change values that the host leaves alone.
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" }).catch(() => {
    throw new Error(
      `'${name}' is a damaged picture, or of a kind that this browser cannot show: save it as PNG or JPEG`,
    );
  });
  const pixels = draw(bitmap, bitmap.width, bitmap.height);
  const isSmaller = pixels.width !== bitmap.width || pixels.height !== bitmap.height;
  const smaller = isSmaller
    ? `, made ${pixels.width} × ${pixels.height} of ${bitmap.width} × ${bitmap.height} first`
    : "";
  bitmap.close();
  return { pixels, smaller };
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
 * Grey pixels as a picture.
 *
 * @param {Uint8Array | Uint8ClampedArray} values
 * @param {number} width
 * @param {number} height
 */
export function pictureOfGrey(values, width, height) {
  const picture = new ImageData(width, height);
  for (const [pixel, value] of values.entries()) {
    picture.data.set([value, value, value, 255], pixel * 4);
  }
  return picture;
}

/**
 * All of a file.
 *
 * @param {File} file
 */
export async function bytes(file) {
  return read(file, file);
}

/**
 * The first bytes of a file.
 *
 * @param {File} file
 */
export async function head(file) {
  return read(file, file.slice(0, 512));
}

/**
 * @param {File} file
 * @param {Blob} part
 */
async function read(file, part) {
  const buffer = await part.arrayBuffer().catch(() => {
    throw new Error(`'${file.name}' cannot be read: is it still there, and no folder?`);
  });
  return new Uint8Array(buffer);
}
