// Tabs, one of which is shown: https://www.w3.org/WAI/ARIA/apg/patterns/tabs/

import { find } from "./dom.js";
import { roving } from "./roving.js";

/**
 * @param {HTMLElement} list
 * @param {(panel: string) => void} shown Is told the id of the panel that is shown from now on.
 */
export function tabs(list, shown) {
  roving(list, () => 0);
  list.addEventListener("click", event => {
    const tab = /** @type {Element} */ (event.target).closest("button");
    if (tab) {
      select(list, tab);
      shown(tab.getAttribute("aria-controls") ?? "");
    }
  });
}

/**
 * @param {HTMLElement} list
 * @param {HTMLButtonElement} chosen
 */
function select(list, chosen) {
  for (const tab of list.querySelectorAll("button")) {
    tab.ariaSelected = String(tab === chosen);
    tab.tabIndex = tab === chosen ? 0 : -1;
    find("div", `#${tab.getAttribute("aria-controls")}`).hidden = tab !== chosen;
  }
}
