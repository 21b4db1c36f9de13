// Models with their weights in a file beside them, for tests: what PyTorch's exporter writes by default.

/**
 * A field of protobuf's that holds bytes.
 *
 * @param {number} number
 * @param {Uint8Array | string} content
 */
function field(number, content) {
  const bytes = Buffer.from(content);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

/** @param {number} value */
function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) {
    bytes.push((value % 128) | 128);
  }
  return Buffer.from([...bytes, value]);
}

/**
 * @param {Buffer} message
 * @returns {{ number: number, bytes: Buffer, content: Buffer }[]}
 */
function fields(message) {
  const found = [];
  for (let at = 0; at < message.length; ) {
    const start = at;
    const read = () => {
      let value = 0;
      for (let place = 1; ; place *= 128) {
        const byte = message[at++];
        value += (byte & 127) * place;
        if (byte < 128) {
          return value;
        }
      }
    };
    const tag = read();
    const lengths = new Map([
      [0, () => 0 * read()],
      [1, () => 8],
      [2, read],
      [5, () => 4],
    ]);
    const length = /** @type {() => number} */ (lengths.get(tag & 7))();
    const content = message.subarray(at, at + length);
    at += length;
    found.push({ number: tag >> 3, bytes: message.subarray(start, at), content });
  }
  return found;
}

/**
 * Moves the values of a model's tensors into a file.
 *
 * @param {Buffer} onnx
 * @param {string} name Of the file.
 * @returns {{ model: Buffer, data: Buffer }}
 */
export function externalised(onnx, name) {
  /** @type {Buffer[]} */
  const data = [];
  let offset = 0;
  const tensor = (/** @type {Buffer} */ message) => {
    const raw = fields(message).find(({ number }) => number === 9)?.content;
    if (!raw) {
      return message;
    }
    const entries = Object.entries({ location: name, offset: String(offset), length: String(raw.length) });
    data.push(raw);
    offset += raw.length;
    return Buffer.concat([
      ...fields(message)
        .filter(({ number }) => number !== 9)
        .map(({ bytes }) => bytes),
      ...entries.map(([key, value]) => field(13, Buffer.concat([field(1, key), field(2, value)]))),
      Buffer.from([14 * 8, 1]),
    ]);
  };
  const graph = (/** @type {Buffer} */ message) =>
    Buffer.concat(
      fields(message).map(({ number, bytes, content }) => (number === 5 ? field(5, tensor(content)) : bytes)),
    );
  const model = Buffer.concat(
    fields(onnx).map(({ number, bytes, content }) => (number === 7 ? field(7, graph(content)) : bytes)),
  );
  return { model, data: Buffer.concat(data) };
}
