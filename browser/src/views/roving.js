// One stop of the Tab key for a whole grid of buttons, and arrow keys within, as the ARIA practices have it:
// https://www.w3.org/WAI/ARIA/apg/practices/keyboard-interface/#kbd_roving_tabindex

/**
 * @param {HTMLElement} grid Holds buttons and, between them, whatever.
 * @param {() => number} columns How many stand side by side now.
 */
export function roving(grid, columns) {
  const buttons = () => [...grid.querySelectorAll("button")];
  /** @param {HTMLButtonElement | undefined} chosen */
  const choose = chosen => {
    for (const button of buttons()) {
      button.tabIndex = button === chosen ? 0 : -1;
    }
  };
  choose(buttons()[0]);
  grid.addEventListener("focusin", event => {
    const button = /** @type {Element} */ (event.target).closest("button");
    if (button) {
      choose(button);
    }
  });
  grid.addEventListener("keydown", event => {
    const all = buttons();
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const last = all.length - 1;
    const to = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      ArrowDown: at + columns(),
      ArrowUp: at - columns(),
      Home: 0,
      End: last,
    }[event.key];
    if (at >= 0 && to !== undefined) {
      event.preventDefault();
      all[to]?.focus();
    }
  });
}

/**
 * Columns of a CSS grid as it is laid out now.
 *
 * @param {HTMLElement} grid
 */
export function columnsOf(grid) {
  return getComputedStyle(grid).gridTemplateColumns.split(" ").length;
}
