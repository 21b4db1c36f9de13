// What a component answers to a message, which is hostile until it has been through here: for each image the classes, the
// likeliest first, with scores where the component gives them. `host classify` reads answers by the same rules.

import { text } from "./check.js";

/** @typedef {import("./guest.worker.js").Description} Description */
/** @typedef {import("./guest.worker.js").Reply} Reply */

/**
 * A class of the model and its score, which some components do not give.
 *
 * @typedef {{ class: number, score?: number }} Score
 */

/**
 * What a component says of the images in a message.
 *
 * @typedef {object} Answer
 * @property {Score[][]} images For each image at least one score, the likeliest first.
 * @property {{ code: string, detail: string }[]} warnings Why the answer may be wrong.
 */

/** The most classes that are asked for; a model may have thousands. */
const TOP = 1000;
/** The most warnings that are read of one answer, as in the host. */
const WARNINGS = 16;

/**
 * The media type to ask a component for, scores where it gives them.
 *
 * @param {Description} description
 * @throws {Error} where it gives nothing that can be read here.
 */
export function accepted({ produces, labels }) {
  if (produces.some(media => isJson(media, true))) {
    return `application/json;profile=scores;top-k=${Math.min(labels.length, TOP)}`;
  }
  const classes = produces.find(media => isJson(media, false));
  if (classes === undefined) {
    const given = text(produces.join(", "));
    throw new Error(
      `the component produces ${given}; the page needs application/json;profile=scores or application/json`,
    );
  }
  return classes;
}

/**
 * @param {Reply} reply
 * @param {Description} description
 * @returns {Answer}
 * @throws {Error} that says what is wrong with it.
 */
export function read({ images, warnings, body }, { labels, produces }) {
  const withScores = produces.some(media => isJson(media, true));
  const what = withScores ? "application/json;profile=scores" : "application/json, a list of classes,";
  const said = parsed(body, what);
  const list = withScores ? said?.predictions : said;
  if (!Array.isArray(list)) {
    throw new Error(`the component's answer is not ${what}`);
  }
  const score = (/** @type {any} */ said) => checked(said, labels.length, withScores);
  const found = withScores
    ? list.map(said => {
        const best = score(said);
        const top = Array.isArray(said.top) ? said.top.map(score) : [];
        return top.length > 0 ? top : [best];
      })
    : list.map(number => [score({ class: number })]);
  if (found.length === 0 || found.length !== images) {
    throw new Error(`the component says that it classified ${images} images, but its answer has ${found.length}`);
  }
  return {
    images: found,
    warnings: warnings.slice(0, WARNINGS).map(({ code, detail }) => ({ code: text(code), detail: text(detail) })),
  };
}

/**
 * @param {Float32Array} row Probabilities by class.
 * @returns {Score[]} The likeliest first; of those that are alike the first.
 */
export function ranked(row) {
  return Array.from(row, (score, number) => ({ class: number, score })).sort((a, b) => b.score - a.score);
}

/**
 * @param {any} said
 * @param {number} labels
 * @param {boolean} withScore
 * @returns {Score}
 */
function checked(said, labels, withScore) {
  const number = said?.class;
  if (!Number.isInteger(number) || number < 0 || number >= labels) {
    throw new Error(`the component answered with class ${text(number)}, but has ${labels} labels`);
  }
  if (withScore && !Number.isFinite(said.score)) {
    throw new Error(`the component answered with a score of ${text(said.score)}`);
  }
  return withScore ? { class: number, score: said.score } : { class: number };
}

/**
 * @param {Uint8Array} body
 * @param {string} what
 */
function parsed(body, what) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    // The error itself would quote the answer, however long that is.
    throw new Error(`the component's answer is not ${what}`);
  }
}

/**
 * Whether a media type is JSON with the profile of scores, or without any.
 *
 * @param {string} media
 * @param {boolean} withScores
 */
function isJson(media, withScores) {
  const [essence, ...parameters] = media.split(";").map(part => part.trim().toLowerCase().replaceAll('"', ""));
  const profile = parameters.find(parameter => parameter.startsWith("profile="));
  return essence === "application/json" && profile === (withScores ? "profile=scores" : undefined);
}
