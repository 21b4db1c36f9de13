// Tabs, one of which is shown: https://www.w3.org/WAI/ARIA/apg/patterns/tabs/

import { find } from "./dom.js";
import { roving } from "./roving.js";

export class Tabs {
  #list;
  #shown;

  /**
   * @param {HTMLElement} list
   * @param {(panel: string) => void} shown Hears the id of the panel that is shown from now on.
   */
  constructor(list, shown) {
    this.#list = list;
    this.#shown = shown;
    roving(list, () => 0);
    list.addEventListener("click", event => {
      const tab = /** @type {Element} */ (event.target).closest("button");
      if (tab) {
        this.select(tab.getAttribute("aria-controls") ?? "");
      }
    });
  }

  /** The id of the panel that is shown. */
  get selected() {
    return find("button", '[aria-selected="true"]', this.#list).getAttribute("aria-controls") ?? "";
  }

  /** @param {string} panel Its id. */
  select(panel) {
    for (const tab of this.#list.querySelectorAll("button")) {
      const isChosen = tab.getAttribute("aria-controls") === panel;
      tab.ariaSelected = String(isChosen);
      tab.tabIndex = isChosen ? 0 : -1;
      find("div", `#${tab.getAttribute("aria-controls")}`).hidden = !isChosen;
    }
    this.#shown(panel);
  }
}
