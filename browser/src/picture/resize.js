// Makes a picture smaller or larger exactly as the component does it to a picture that comes as a file, so that the same
// picture gets the same answer by either way: `classifier-wasm/codec/src/resize.rs`. All of it is whole numbers below 2 to the 53,
// which JavaScript's numbers hold without loss.

/**
 * Values 0 to 255 in rows of pixels, `channels` values to a pixel.
 *
 * @typedef {object} Raster
 * @property {number} width
 * @property {number} height
 * @property {number} channels
 * @property {Uint8Array | Uint8ClampedArray} values
 */

/** What the weights of a place add up to, but for their rounding. */
const UNIT = 2 ** 22;

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
  const columns = places(raster.width, width);
  const stride = width * channels;
  const values = new Uint8ClampedArray(height * stride);
  /** What each column takes of a row, for the rows that are still needed. @type {Map<number, Float64Array>} */
  const across = new Map();
  for (const [y, row] of places(raster.height, height).entries()) {
    for (const known of across.keys()) {
      if (known < row.first) {
        across.delete(known);
      }
    }
    const sums = new Float64Array(stride);
    for (const [number, weight] of row.weights.entries()) {
      const source = row.first + number;
      const taken = across.get(source) ?? acrossRow(raster, source, columns);
      across.set(source, taken);
      for (let place = 0; place < stride; place++) {
        sums[place] += taken[place] * weight;
      }
    }
    for (let place = 0; place < stride; place++) {
      const whole = row.whole * columns[Math.floor(place / channels)].whole;
      values[y * stride + place] = Math.floor((sums[place] + Math.floor(whole / 2)) / whole);
    }
  }
  return { width, height, channels, values };
}

/**
 * @param {Raster} raster
 * @param {number} row
 * @param {Place[]} columns
 */
function acrossRow({ width, channels, values }, row, columns) {
  const sums = new Float64Array(columns.length * channels);
  for (const [x, { first, weights }] of columns.entries()) {
    for (let channel = 0; channel < channels; channel++) {
      const start = (row * width + first) * channels + channel;
      let sum = 0;
      for (let number = 0; number < weights.length; number++) {
        sum += values[start + number * channels] * weights[number];
      }
      sums[x * channels + channel] = sum;
    }
  }
  return sums;
}

/**
 * What a place takes: from the first pixel on, each by its weight, which are `whole` together.
 *
 * @typedef {{ first: number, weights: Uint32Array, whole: number }} Place
 */

/**
 * What each of `to` places takes of `from` pixels: a triangle around its middle, as wide as the reduction, so that every pixel
 * counts.
 *
 * @param {number} from
 * @param {number} to
 * @returns {Place[]}
 */
function places(from, to) {
  // In halves of a pixel, times `to`, so that nothing is rounded.
  const reach = 2 * Math.max(from, to);
  return Array.from({ length: to }, (_, place) => {
    const middle = (2 * place + 1) * from;
    const first = Math.max(0, Math.floor((middle - reach - to) / (2 * to)) + 1);
    /** @type {number[]} */
    const heights = [];
    for (let pixel = first; pixel < from; pixel++) {
      const height = reach - Math.abs((2 * pixel + 1) * to - middle);
      if (height < 0) {
        break;
      }
      heights.push(height);
    }
    const sum = heights.reduce((sum, height) => sum + height, 0);
    const weights = Uint32Array.from(heights, height => Math.floor((height * UNIT + Math.floor(sum / 2)) / sum));
    return { first, weights, whole: weights.reduce((sum, weight) => sum + weight, 0) };
  });
}
