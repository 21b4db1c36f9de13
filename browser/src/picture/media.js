// The media type that a file is sent to a component with, by the rules of `host classify`.

/** What pictures begin with. @type {[string, (head: Uint8Array) => boolean][]} */
const SIGNATURES = [
  ["image/png", head => begins(head, "\x89PNG\r\n\x1a\n")],
  ["image/jpeg", head => begins(head, "\xff\xd8\xff")],
  ["image/webp", head => begins(head, "RIFF") && begins(head.subarray(8), "WEBP")],
  ["image/gif", head => begins(head, "GIF87a") || begins(head, "GIF89a")],
  // The second two are BigTIFF's.
  ["image/tiff", head => ["II*\0", "MM\0*", "II+\0", "MM\0+"].some(start => begins(head, start))],
  // Two letters are too few: the size of the second header, at 14, has to be one of those that there are.
  ["image/bmp", head => begins(head, "BM") && BMP.some(size => begins(head.subarray(14), `${size}\0\0\0`))],
];
const BMP = [12, 40, 52, 56, 64, 108, 124].map(size => String.fromCharCode(size));

const ENDINGS = new Map([
  ["png", "image/png"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["webp", "image/webp"],
  ["gif", "image/gif"],
  ["bmp", "image/bmp"],
  ["tif", "image/tiff"],
  ["tiff", "image/tiff"],
  ["json", "application/json"],
  ["npy", "application/x-npy"],
]);

/**
 * Of a picture that its bytes show, whatever it is called.
 *
 * @param {Uint8Array} head The first bytes.
 */
export function pictureType(head) {
  return SIGNATURES.find(([, isIt]) => isIt(head))?.[0];
}

/**
 * What the bytes show, else what the name says. Nothing where neither does: then the component recognises it.
 *
 * @param {string} name
 * @param {Uint8Array} bytes
 * @param {string[]} accepts The media types that the component takes.
 * @throws {Error} where it does not take this one.
 */
export function mediaTypeOf(name, bytes, accepts) {
  const ending = name.match(/[^/]\.([^./]+)$/)?.[1].toLowerCase() ?? "";
  const type = pictureType(bytes) ?? ENDINGS.get(ending);
  const isTaken = accepts.some(media => media.split(";")[0].trim().toLowerCase() === type);
  if (type !== undefined && !isTaken) {
    const remedy = "give it pixels of its size, such as an .npy file of bytes";
    throw new Error(`it is ${type}, and the component takes ${accepts.join(", ")}: ${remedy}`);
  }
  return type;
}

/**
 * @param {Uint8Array} bytes
 * @param {string} signature
 */
export function begins(bytes, signature) {
  return [...signature].every((character, place) => bytes[place] === character.charCodeAt(0));
}
