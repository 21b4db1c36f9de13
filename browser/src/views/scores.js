// The scores of one picture as bars, the answer above them.

import { best } from "../images/tally.js";
import { find } from "./dom.js";

/** The most bars; a model may have thousands of labels. */
const BARS = 10;

/**
 * @param {HTMLElement} card
 * @param {Float32Array} row Probabilities.
 * @param {string[]} labels
 * @param {number} took Milliseconds.
 */
export function showScores(card, row, labels, took) {
  const winner = best(row);
  find("p", ".answer", card).textContent = `${labels[winner]}, ${percent(row[winner])}`;
  // In the order of the classes, so that a bar keeps its place; the likeliest alone where they are too many.
  let shown = labels.map((_, place) => place);
  if (shown.length > BARS) {
    shown = shown.sort((a, b) => row[b] - row[a]).slice(0, BARS);
  }
  const body = find("tbody", "", card);
  while (body.rows.length > shown.length) {
    body.deleteRow(-1);
  }
  while (body.rows.length < shown.length) {
    body.append(emptyRow());
  }
  for (const [number, place] of shown.entries()) {
    const line = body.rows[number];
    line.className = place === winner ? "best" : "";
    find("th", "", line).textContent = labels[place];
    find("span", ".bar", line).style.width = `${100 * row[place]}%`;
    find("span", ".value", line).textContent = percent(row[place]);
  }
  find("p", ".took", card).textContent = `${took.toFixed(took < 10 ? 1 : 0)} ms in the component`;
}

function emptyRow() {
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
function percent(value) {
  return `${(100 * value).toFixed(1)}%`;
}
