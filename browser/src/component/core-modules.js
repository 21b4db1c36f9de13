// The core modules within a component file. They stand in it byte for byte as jco gives them out, so that a page which has
// the file need not load them a second time; and what runs is what was hashed.

const CORE_MODULE = 1;
/** `\0asm`, then version 13 and layer 1: a component. A core module has version 1 and layer 0. */
const COMPONENT = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];
const MODULE = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/**
 * What a file is by its first bytes, and so what can be done with it.
 *
 * @param {Uint8Array} bytes
 * @returns {"component" | "module" | "other"}
 */
export function kindOfWasm(bytes) {
  /** @param {number[]} magic */
  const begins = magic => magic.every((byte, place) => bytes[place] === byte);
  if (begins(COMPONENT)) {
    return "component";
  }
  return begins(MODULE) ? "module" : "other";
}

/**
 * Core modules of the outermost level, in order. The format is that of the component model's `Binary.md`: after eight
 * bytes, sections of an id, a length in LEB128, and so many bytes.
 *
 * @param {Uint8Array} component
 * @returns {Uint8Array[]} Views of `component`, not copies.
 * @throws {RangeError} where a section is longer than the file.
 */
export function coreModules(component) {
  const modules = [];
  let place = COMPONENT.length;
  while (place < component.length) {
    const id = component[place];
    const [length, start] = unsigned(component, place + 1);
    place = start + length;
    if (place > component.length) {
      throw new RangeError("the component is cut short: a section ends after the file");
    }
    if (id === CORE_MODULE) {
      modules.push(component.subarray(start, place));
    }
  }
  return modules;
}

/**
 * A number of up to 32 bits in LEB128 at `place`, and the place after it.
 *
 * @param {Uint8Array} bytes
 * @param {number} place
 */
function unsigned(bytes, place) {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bytes[place++];
    if (byte === undefined) {
      break;
    }
    // Not `<<`, which has 32 bits with a sign.
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) {
      return [value, place];
    }
  }
  throw new RangeError("the component is damaged: a section has no length");
}
