// What a guest returns is hostile until it has been through here: what the host checks, and what only a page has to.

/** @typedef {import("./guest.worker.js").Description} Description */

/** How far from 1 the contract lets the sum of an image's probabilities be. */
const SUM = 1e-3;
const LABELS = 65_536;
const MEDIA = 256;
/** Of one request. */
const IMAGES = 1 << 20;
const NAME = 256;
const SIDE = 65_535;
/** The most values of one image: a page that makes larger ones for whoever asks would stand still. */
const VALUES = 1 << 24;
/** Nor are they more than so many times as long as wide: the margins of a picture would be as large. */
const SLENDER = 8;
const TEXT = 1024;
/** Characters that steer a terminal, end a line, or turn the direction of the text around them. */
const STEERING = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
/** Characters that are not to be seen; those of `JOINING` may stand behind others, as in Persian and emoji. */
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;
const JOINING = /\u200c|\u200d|[\ufe00-\ufe0f]/gu;

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
    ["height", side(said.height)],
    ["width", side(said.width)],
    ["channels", said.channels === 1 || said.channels === 3],
    ["labels", said.labels.length >= 1 && said.labels.length <= LABELS && said.labels.every(isName)],
    ["maxImages", said.maxImages >= 1 && said.maxImages <= IMAGES],
    ["accepts", areMedia(said.accepts)],
    ["produces", areMedia(said.produces)],
    ["model", said.model === undefined || isInfo(said.model)],
  ];
  const wrong = parts.find(([, good]) => !good);
  if (wrong) {
    const value = text(JSON.stringify(said[wrong[0]])).slice(0, NAME);
    throw new Error(`the component breaks the contract: its ${wrong[0]} is ${value}`);
  }
  refuseDoubled(said.labels);
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
    let sum = 0;
    for (const value of row) {
      // NaN is in no range.
      if (!(value >= 0 && value <= 1 + SUM)) {
        throw new Error(`the component breaks the contract: a probability of ${value}`);
      }
      sum += value;
    }
    if (Math.abs(sum - 1) > SUM) {
      throw new Error(`the component breaks the contract: probabilities that sum to ${sum}`);
    }
    return row;
  });
}

/** @param {import("./guest.worker.js").ModelInfo} model */
function isInfo({ sha256, scores, accepts }) {
  return /^[0-9a-f]{64}$/.test(sha256) && isName(scores) && areMedia(accepts);
}

/** @param {string[]} names */
function areMedia(names) {
  return names.length >= 1 && names.length <= MEDIA && names.every(isName);
}

/** @param {string[]} labels No two of which may look the same. */
function refuseDoubled(labels) {
  const seen = new Map();
  for (const [number, label] of labels.entries()) {
    const look = label.replace(IGNORABLE, "").trim();
    if (seen.has(look)) {
      const both = `its labels ${seen.get(look)} and ${number} are both '${text(label)}'`;
      throw new Error(`the component breaks the contract: ${both}`);
    }
    seen.set(look, number);
  }
}

/** @param {string} text Fit to be shown: short, something to be seen, and steering neither a terminal nor the direction of text. */
function isName(text) {
  const bytes = new TextEncoder().encode(text).length;
  const joined = text.replace(JOINING, "");
  return (
    bytes <= NAME &&
    joined.replace(IGNORABLE, "").trim() !== "" &&
    text.search(JOINING) !== 0 &&
    joined.search(IGNORABLE) === -1 &&
    joined.search(STEERING) === -1
  );
}
