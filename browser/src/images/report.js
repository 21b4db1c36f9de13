// Results as files: JSON as `host classify --format json` writes it, and CSV (RFC 4180) for spreadsheets.

import { CLASSES } from "./test-images.js";

/** @typedef {import("../views/result.js").Result} Result */

/** Digits that a 32-bit float has. */
const DIGITS = 7;

/**
 * @param {Result} result
 * @returns {string} One line.
 */
export function json({ name, truth, answer, model }) {
  const predictions = answer.images.map(top => ({
    top: top.map(({ class: number, score }) => ({
      class: number,
      label: model.labels[number],
      ...(score !== undefined && { score: rounded(score) }),
    })),
  }));
  const report = {
    file: name,
    ...(truth !== undefined && { true: CLASSES[truth] }),
    model: { name: model.name, version: model.version, ...(model.model && { sha256: model.model.sha256 }) },
    predictions,
    warnings: answer.warnings,
  };
  return `${JSON.stringify(report)}\n`;
}

/**
 * A row for each class of each image.
 *
 * @param {Result} result
 */
export function csv({ name, truth, answer, model }) {
  const rows = answer.images.flatMap((top, image) =>
    top.map(({ class: number, score }) => [
      name,
      image,
      truth === undefined ? "" : CLASSES[truth],
      model.name,
      number,
      model.labels[number],
      score === undefined ? "" : rounded(score),
    ]),
  );
  return table([["file", "image", "true", "model", "class", "label", "score"], ...rows]);
}

/**
 * A confusion matrix: rows are true classes, columns predicted ones.
 *
 * @param {import("./tally.js").Tally} tally
 */
export function matrixCsv(tally) {
  const rows = CLASSES.map((label, truth) => [
    label,
    ...CLASSES.map((_, answer) => tally.images(truth, answer).length),
    tally.recall(truth) ?? "",
  ]);
  return table([["true \\ predicted", ...CLASSES, "recall"], ...rows]);
}

/** @param {(string | number)[][]} rows */
function table(rows) {
  return rows.map(row => `${row.map(cell).join(",")}\r\n`).join("");
}

/**
 * Quoted where it has to be; a spreadsheet is not to take text for a formula.
 *
 * @param {string | number} value
 */
function cell(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {number} score */
function rounded(score) {
  return Number(score.toPrecision(DIGITS));
}
