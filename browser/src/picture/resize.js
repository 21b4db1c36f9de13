// Makes a picture smaller or larger exactly as the component does it to a picture that comes as a file, so that the same
// picture gets the same answer by either way. The component has it from the Rust crate `image`, `FilterType::Triangle`, which
// computes in 32 bits.

const { fround } = Math;

/**
 * Values 0 to 255 in rows of pixels, `channels` values to a pixel.
 *
 * @typedef {object} Raster
 * @property {number} width
 * @property {number} height
 * @property {number} channels
 * @property {Uint8Array | Uint8ClampedArray} values
 */

/**
 * @param {Raster} raster
 * @param {number} width
 * @param {number} height
 * @returns {Raster}
 */
export function resize(raster, width, height) {
  if (raster.width === width && raster.height === height) {
    return raster;
  }
  const { channels } = raster;
  const rows = weights(raster.height, height);
  const columns = weights(raster.width, width);
  const stride = raster.width * channels;
  const values = new Uint8ClampedArray(width * height * channels);
  const sums = new Float32Array(stride);
  for (const [y, row] of rows.entries()) {
    sums.fill(0);
    for (const [number, weight] of row.weights.entries()) {
      const start = (row.first + number) * stride;
      for (let place = 0; place < stride; place++) {
        sums[place] += fround(raster.values[start + place] * weight);
      }
    }
    for (const [x, column] of columns.entries()) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (const [number, weight] of column.weights.entries()) {
          sum = fround(sum + fround(sums[(column.first + number) * channels + channel] * weight));
        }
        values[(y * width + x) * channels + channel] = Math.round(sum);
      }
    }
  }
  return { width, height, channels, values };
}

/**
 * What each of `to` places takes of `from` places: a triangle around its middle, as wide as the reduction, so that every
 * place counts.
 *
 * @param {number} from
 * @param {number} to
 */
function weights(from, to) {
  const ratio = fround(from / to);
  const scale = Math.max(ratio, 1);
  return Array.from({ length: to }, (_, place) => {
    const middle = fround((place + 0.5) * ratio);
    const first = Math.min(Math.max(Math.floor(fround(middle - scale)), 0), from - 1);
    const end = Math.min(Math.max(Math.ceil(fround(middle + scale)), first + 1), from);
    const taken = Float32Array.from({ length: end - first }, (_, number) => {
      const distance = Math.abs(fround(fround(first + number - fround(middle - 0.5)) / scale));
      return Math.max(1 - distance, 0);
    });
    const sum = taken.reduce((sum, weight) => fround(sum + weight), 0);
    return { first, weights: taken.map(weight => weight / sum) };
  });
}
