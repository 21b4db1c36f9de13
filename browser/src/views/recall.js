// Of each class the share of its images that was taken for what it is, beside the confusion matrix.

import { find } from "./dom.js";
import { emptyRow, percent } from "./scores.js";

/**
 * @param {HTMLTableElement} table
 * @param {import("../images/tally.js").Tally} tally
 * @param {string[]} classes
 */
export function showRecall(table, tally, classes) {
  const body = find("tbody", "", table);
  while (body.rows.length < classes.length) {
    body.append(emptyRow());
  }
  for (const [truth, label] of classes.entries()) {
    const recall = tally.recall(truth);
    const row = body.rows[truth];
    find("th", "", row).textContent = label;
    find("span", ".bar", row).style.width = `${100 * (recall ?? 0)}%`;
    find("span", ".value", row).textContent = recall === undefined ? "–" : percent(recall);
  }
}
