// What a guest returns is hostile until it has been through here: what the host checks, and what only a page has to.

/** @typedef {import("./guest.worker.js").Description} Description */

/** How far from 1 the contract lets the sum of an image's probabilities be. */
const SUM = 1e-3;
const LABELS = 65_536;
const NAME = 256;
const SIDE = 65_535;
/** The most values of one image: a page that makes larger ones for whoever asks would stand still. */
const VALUES = 1 << 24;
/** Nor are they more than so many times as long as wide: the margins of a picture would be as large. */
const SLENDER = 8;
const TEXT = 1024;
/** Characters that steer a terminal, end a line, or turn the direction of the text around them. */
const STEERING = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * A description that can be relied on.
 *
 * @param {Description} said
 * @returns {Description}
 * @throws {Error} that names the first part that cannot be relied on.
 */
export function description(said) {
  const side = (/** @type {number} */ pixels) => pixels >= 1 && pixels <= SIDE;
  /** @type {[keyof Description, boolean][]} */
  const parts = [
    ["name", isName(said.name)],
    ["version", isName(said.version)],
    ["modelSha256", /^[0-9a-f]{64}$/.test(said.modelSha256)],
    ["height", side(said.height)],
    ["width", side(said.width)],
    ["channels", said.channels === 1 || said.channels === 3],
    ["labels", said.labels.length >= 1 && said.labels.length <= LABELS && said.labels.every(isName)],
    ["scores", isName(said.scores)],
    ["maxImages", said.maxImages > 0],
    ["accepts", said.accepts.length > 0 && said.accepts.every(isName)],
    ["produces", said.produces.length > 0 && said.produces.every(isName)],
  ];
  const wrong = parts.find(([, good]) => !good);
  if (wrong) {
    const value = text(JSON.stringify(said[wrong[0]])).slice(0, NAME);
    throw new Error(`the component breaks the contract: its ${wrong[0]} is ${value}`);
  }
  const { height, width, channels } = said;
  if (height * width * channels > VALUES || Math.max(height / width, width / height) > SLENDER) {
    throw new Error(`images of ${height} x ${width} x ${channels} are too large or too narrow for this page`);
  }
  return said;
}

/**
 * A guest's text for people: bounded, on one line, and steering nothing.
 *
 * @param {unknown} text
 */
export function text(text) {
  return String(text).slice(0, TEXT).replace(STEERING, " ");
}

/**
 * Probabilities of `count` images, row by row.
 *
 * @param {Float32Array} values
 * @param {number} count
 * @param {number} labels
 * @returns {Float32Array[]} A row for each image.
 * @throws {Error} that says what is wrong with them.
 */
export function probabilities(values, count, labels) {
  if (values.length !== count * labels) {
    throw new Error(`the component breaks the contract: ${values.length} values for ${count} x ${labels}`);
  }
  return Array.from({ length: count }, (_, image) => {
    const row = values.subarray(image * labels, (image + 1) * labels);
    // NaN is in no range.
    const wrong = row.find(value => !(value >= 0 && value <= 1 + SUM));
    if (wrong !== undefined) {
      throw new Error(`the component breaks the contract: a probability of ${wrong}`);
    }
    const sum = row.reduce((sum, value) => sum + value, 0);
    if (Math.abs(sum - 1) > SUM) {
      throw new Error(`the component breaks the contract: probabilities that sum to ${sum}`);
    }
    return row;
  });
}

/** @param {string} text Fit to be shown: short, not empty, and steering neither a terminal nor the direction of text. */
function isName(text) {
  return text.length > 0 && text.length <= NAME && text.search(STEERING) === -1;
}
