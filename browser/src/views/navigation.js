// The two views, by the hash of the address, so that they are links and the browser's own keys go back and forth.

import { find } from "./dom.js";

const VIEWS = ["picture", "gallery"];

/** @param {(view: string) => void} shown */
export function navigation(shown) {
  const show = () => {
    const view = location.hash.slice(1) || VIEWS[0];
    // Such as the link to the content.
    if (!VIEWS.includes(view)) {
      return;
    }
    document.body.dataset.view = view;
    for (const name of VIEWS) {
      find("section", `#${name}-view`).hidden = name !== view;
      const link = find("a", `[href="#${name}"]`);
      if (name === view) {
        link.setAttribute("aria-current", "page");
      } else {
        link.removeAttribute("aria-current");
      }
    }
    shown(view);
  };
  window.addEventListener("hashchange", show);
  show();
}
