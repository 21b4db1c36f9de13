// A confusion matrix that fills as one watches; each cell is a button.

import { roving } from "./roving.js";

/** @typedef {import("../images/tally.js").Tally} Tally */

export class Matrix {
  #table;
  #classes;
  /** @type {HTMLButtonElement[][]} */
  #buttons;

  /**
   * @param {HTMLTableElement} table
   * @param {string[]} classes
   * @param {(truth: number, answer: number) => void} open
   */
  constructor(table, classes, open) {
    this.#table = table;
    this.#classes = classes;
    this.#buttons = classes.map((_, truth) =>
      classes.map((_, answer) => {
        const button = document.createElement("button");
        button.type = "button";
        button.ariaPressed = "false";
        button.addEventListener("click", () => {
          this.deselect();
          button.ariaPressed = "true";
          open(truth, answer);
        });
        return button;
      }),
    );
    table.replaceChildren(this.#caption(), this.#head(), this.#body());
    roving(table, () => classes.length);
    sayThatItScrolls(table);
  }

  deselect() {
    for (const button of this.#buttons.flat()) {
      button.ariaPressed = "false";
    }
  }

  /** @param {Tally} tally */
  show(tally) {
    for (const [truth, row] of this.#buttons.entries()) {
      const counts = row.map((_, answer) => tally.images(truth, answer).length);
      const total = counts.reduce((sum, count) => sum + count, 0);
      for (const [answer, button] of row.entries()) {
        const count = counts[answer];
        const share = total === 0 ? 0 : count / total;
        button.textContent = count === 0 ? "" : String(count);
        button.ariaLabel = `${this.#classes[truth]} taken for ${this.#classes[answer]}: ${count}`;
        // Errors are a few in a hundred: by the root they are seen all the same.
        const strength = Math.round(100 * Math.sqrt(share));
        const colour = truth === answer ? "var(--right)" : "var(--wrong)";
        button.style.background = `color-mix(in srgb, ${colour} ${strength}%, var(--raised))`;
      }
    }
    this.#table.dataset.count = String(tally.count);
  }

  #caption() {
    const caption = document.createElement("caption");
    caption.textContent = "Rows: true class. Columns: predicted class.";
    return caption;
  }

  #head() {
    const head = document.createElement("thead");
    const row = head.insertRow();
    row.append(document.createElement("td"));
    for (const label of this.#classes) {
      const cell = document.createElement("th");
      cell.scope = "col";
      const text = document.createElement("span");
      text.textContent = label;
      cell.append(text);
      row.append(cell);
    }
    return head;
  }

  #body() {
    const body = document.createElement("tbody");
    for (const [truth, label] of this.#classes.entries()) {
      const row = body.insertRow();
      const cell = document.createElement("th");
      cell.scope = "row";
      cell.textContent = label;
      row.append(cell);
      for (const button of this.#buttons[truth]) {
        row.insertCell().append(button);
      }
    }
    return body;
  }
}

/** Where a matrix is wider than its place, there is a hint beside it. @param {HTMLTableElement} table */
function sayThatItScrolls(table) {
  const place = /** @type {HTMLElement} */ (table.parentElement);
  const hint = /** @type {HTMLElement} */ (place.previousElementSibling);
  const look = () => {
    hint.hidden = place.scrollWidth <= place.clientWidth;
  };
  new ResizeObserver(look).observe(place);
  look();
}
