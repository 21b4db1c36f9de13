// The scores of one picture as bars, in a table.

import { find } from "./dom.js";

/** @typedef {import("../component/answer.js").Score} Score */

/** The most bars; a model may have thousands of labels. */
const BARS = 10;

/**
 * @param {HTMLElement} card
 * @param {Score[]} top The likeliest first.
 * @param {string[]} labels
 */
export function showScores(card, top, labels) {
  const [winner] = top;
  // In the order of the classes, so that a bar keeps its place; the likeliest alone where they are too many.
  const shown = labels.length > BARS ? top.slice(0, BARS) : [...top].sort((a, b) => a.class - b.class);
  const body = find("tbody", "", find("table", ".scores", card));
  while (body.rows.length > shown.length) {
    body.deleteRow(-1);
  }
  while (body.rows.length < shown.length) {
    body.append(emptyRow());
  }
  for (const [number, score] of shown.entries()) {
    const line = body.rows[number];
    line.className = score === winner ? "best" : "";
    find("th", "", line).textContent = labels[score.class];
    find("span", ".bar", line).style.width = `${100 * (score.score ?? 0)}%`;
    find("span", ".value", line).textContent = score.score === undefined ? "no score" : percent(score.score);
  }
}

/** A row with a name and a bar. */
export function emptyRow() {
  const row = document.createElement("tr");
  const label = document.createElement("th");
  label.scope = "row";
  const score = document.createElement("td");
  for (const name of ["bar", "value"]) {
    const part = document.createElement("span");
    part.className = name;
    score.append(part);
  }
  row.append(label, score);
  return row;
}

/** @param {number} value */
export function percent(value) {
  return `${(100 * value).toFixed(1)}%`;
}
