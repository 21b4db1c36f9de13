// IDX, the format of MNIST and Fashion-MNIST: two zeros, the type of the values, the number of dimensions, their sizes in
// big-endian 32 bits, then the values. http://yann.lecun.com/exdb/mnist/ is where it was defined.

const UINT8 = 8;

/**
 * @param {Uint8Array} file
 * @returns {{ sizes: number[], values: Uint8Array }}
 * @throws {Error} where it is no whole IDX file of bytes.
 */
export function readIdx(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const dimensions = file[3];
  if (file.length < 4 || view.getUint16(0) !== 0 || file[2] !== UINT8 || file.length < 4 + 4 * dimensions) {
    throw new Error("this is not an IDX file of bytes");
  }
  const sizes = Array.from({ length: dimensions }, (_, number) => view.getUint32(4 + 4 * number));
  const values = file.subarray(4 + 4 * dimensions);
  const length = sizes.reduce((product, size) => product * size, 1);
  if (values.length !== length) {
    throw new Error(`an IDX file of ${sizes.join(" x ")} has ${length} values, and not ${values.length}`);
  }
  return { sizes, values };
}
