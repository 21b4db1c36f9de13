// Protobuf on the wire: finds fields in a message and writes others, and leaves every other byte as it is.
// https://protobuf.dev/programming-guides/encoding/

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/**
 * The fields of a message: the bytes of each, and what they hold.
 *
 * @param {Bytes} message
 * @returns {Generator<{ number: number, whole: Bytes, content?: Bytes, value?: number }>}
 */
export function* fields(message) {
  for (let at = 0; at < message.length; ) {
    const [tag, start] = varint(message, at);
    const number = Math.floor(tag / 8);
    const type = tag % 8;
    const [value, after] = type === 0 || type === 2 ? varint(message, start) : [undefined, start];
    const end = { 0: after, 1: start + 8, 2: after + (value ?? 0), 5: start + 4 }[type];
    if (end === undefined || end > message.length || number === 0) {
      throw new RangeError("no protobuf message");
    }
    const content = type === 2 ? message.subarray(after, end) : undefined;
    yield { number, whole: message.subarray(at, end), content, value: type === 0 ? value : undefined };
    at = end;
  }
}

/**
 * A field that holds bytes.
 *
 * @param {number} number
 * @param {Bytes[]} parts
 */
export function field(number, parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [Uint8Array.from([...digits(number * 8 + 2), ...digits(length)]), ...parts];
}

/**
 * A number, and where it ends. Beyond 2 to the 53 it is not exact, and nothing here is so large.
 *
 * @param {Bytes} bytes
 * @param {number} at
 */
function varint(bytes, at) {
  let value = 0;
  for (let place = 0; place < 10; place++) {
    const byte = bytes[at + place];
    if (byte === undefined) {
      break;
    }
    value += (byte & 0x7f) * 2 ** (7 * place);
    if (byte < 0x80) {
      return /** @type {[number, number]} */ ([value, at + place + 1]);
    }
  }
  throw new RangeError("no protobuf message");
}

/** @param {number} value */
function digits(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) {
    bytes.push((value % 128) | 0x80);
  }
  return [...bytes, value];
}
