// A model's card: which component and model answer, what they answer, and how to put others in their place.

import { find, tell, thousands } from "./dom.js";

/** @typedef {import("../component/classifier.js").Classifier} Classifier */

export class Card {
  /**
   * @param {HTMLElement} place Where the card goes, after those that are there.
   * @param {{ model: (file: File) => void, component: (file: File) => void, reset: () => void, remove?: () => void }} actions
   */
  constructor(place, actions) {
    const template = find("template", "#model-card");
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = find("article", ".card", copy);
    const title = find("h3", "", this.element);
    title.id = `card-${place.children.length}`;
    this.element.setAttribute("aria-labelledby", title.id);
    place.append(copy);
    for (const [selector, act] of /** @type {const} */ ([
      [".onnx", actions.model],
      [".wasm", actions.component],
    ])) {
      const input = find("input", selector, this.element);
      input.addEventListener("change", () => {
        const file = input.files?.[0];
        if (file) {
          act(file);
        }
        // The same file once more is a change too: it may have been mended.
        input.value = "";
      });
    }
    find("button", ".reset", this.element).addEventListener("click", actions.reset);
    const remove = find("button", ".remove", this.element);
    remove.hidden = !actions.remove;
    remove.addEventListener("click", () => actions.remove?.());
  }

  /**
   * @param {Classifier} classifier
   * @param {boolean} isBuiltIn
   */
  show({ program, description }, isBuiltIn) {
    const put = (
      /** @type {keyof HTMLElementTagNameMap} */ tag,
      /** @type {string} */ selector,
      /** @type {string} */ text,
    ) => {
      find(tag, selector, this.element).textContent = text;
    };
    const { name, version, height, width, channels, labels } = description;
    const size = `${(program.size / 1e6).toFixed(1)} MB`;
    put("h3", "", name);
    put("dd", ".component", `${program.name}, ${size}`);
    put("code", ".digest", program.digest);
    const colours = channels === 1 ? "grey" : "colour";
    put("dd", ".takes", `${name} ${version}: ${width} × ${height}, ${colours}, ${thousands(labels.length)} classes`);
    put("code", ".model-digest", description.modelSha256);
    find("button", ".reset", this.element).hidden = isBuiltIn;
  }

  /** @param {string} [text] */
  problem(text) {
    tell(find("p", ".alert", this.element), text);
  }

  /** @param {boolean} isBusy */
  busy(isBusy) {
    this.element.ariaBusy = String(isBusy);
  }

  remove() {
    this.element.remove();
  }
}
