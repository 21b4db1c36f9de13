// How good a model is on labelled images: which of each class were taken for which.

/** Case and signs do not matter, as in `host evaluate`. */
const plain = (/** @type {string} */ label) => label.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

/**
 * For each label of a model its place among `classes`.
 *
 * @param {string[]} labels
 * @param {string[]} classes
 * @returns {number[] | undefined} Undefined where they are not the same, in whatever order.
 */
export function places(labels, classes) {
  const known = classes.map(plain);
  const found = labels.map(label => known.indexOf(plain(label)));
  const isSame = labels.length === classes.length && !found.includes(-1) && new Set(found).size === found.length;
  return isSame ? found : undefined;
}

export class Tally {
  count = 0;
  right = 0;
  /** @type {number[][][]} Images by the class they are of, then by the one they were taken for. */
  #cells;

  /** @param {number} classes */
  constructor(classes) {
    this.#cells = Array.from({ length: classes }, () => Array.from({ length: classes }, () => []));
  }

  /**
   * @param {number} image
   * @param {number} truth
   * @param {number} answer
   */
  add(image, truth, answer) {
    this.count++;
    this.right += Number(truth === answer);
    this.#cells[truth][answer].push(image);
  }

  /**
   * Images of the class `truth` that were taken for `answer`.
   *
   * @param {number} truth
   * @param {number} answer
   */
  images(truth, answer) {
    return this.#cells[truth][answer];
  }

  /**
   * The share of a class that was taken for what it is, 0 to 1; undefined before the first image of it.
   *
   * @param {number} truth
   */
  recall(truth) {
    const all = this.#cells[truth].reduce((sum, images) => sum + images.length, 0);
    return all === 0 ? undefined : this.#cells[truth][truth].length / all;
  }

  /** In percent as `host evaluate` prints it: two digits after the point. */
  get accuracy() {
    return this.count === 0 ? "–" : `${((100 * this.right) / this.count).toFixed(2)} %`;
  }
}

/**
 * The likeliest class; the first of those that are alike.
 *
 * @param {Float32Array} row
 */
export function best(row) {
  return row.reduce((best, value, place) => (value > row[best] ? place : best), 0);
}
