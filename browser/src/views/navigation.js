// The two views, by the hash of the address, so that they are links and the browser's own keys go back and forth. Each view
// is found again where it was left.

import { find } from "./dom.js";

const VIEWS = ["picture", "gallery"];

export class Navigation {
  /** Where each view was left: how far it was scrolled, and what had the keyboard's focus. @type {Map<string, { top: number, focus: Element | null }>} */
  #left = new Map();
  #shown;

  /** @param {(view: string) => void} shown */
  constructor(shown) {
    this.#shown = shown;
    // The browser would scroll before the view is there.
    history.scrollRestoration = "manual";
    window.addEventListener("hashchange", () => this.#show());
    this.#show();
  }

  /** Shows the picture's view from its top, and so the answer. */
  toPicture() {
    this.#left.delete(VIEWS[0]);
    if (document.body.dataset.view === VIEWS[0]) {
      return;
    }
    location.hash = `#${VIEWS[0]}`;
  }

  #show() {
    const { view: last } = document.body.dataset;
    const named = location.hash.slice(1);
    // The link to the content names no view, and leaves the one that is there.
    const view = VIEWS.includes(named) ? named : named === "" ? VIEWS[0] : (last ?? VIEWS[0]);
    if (view === last) {
      return;
    }
    if (last) {
      this.#left.set(last, { top: scrollY, focus: document.activeElement });
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
    this.#shown(view);
    if (last) {
      this.#goOn(view);
    }
  }

  /** @param {string} view */
  #goOn(view) {
    const { top, focus } = this.#left.get(view) ?? { top: 0, focus: null };
    const isThere = focus instanceof HTMLElement && focus !== document.body && focus.checkVisibility?.();
    (isThere ? focus : find("main", "")).focus({ preventScroll: true });
    scrollTo({ top, behavior: "instant" });
  }
}
