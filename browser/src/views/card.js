// A model's card: which component and model answer, what they answer, and how to put others in their place.

import { find, tell, thousands } from "./dom.js";

/** @typedef {import("../component/classifier.js").Classifier} Classifier */

export class Card {
  /** Two cards may have the same model. */
  #place;

  /**
   * @param {HTMLElement} place Where the card goes, after those that are there.
   * @param {{ model: (file: File) => void, component: (file: File) => void, reset: () => void, remove?: () => void }} actions
   */
  constructor(place, actions) {
    const template = find("template", "#model-card");
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = find("article", ".card", copy);
    const title = find("h3", "", this.element);
    this.#place = place.children.length === 0 ? "first place" : "second place";
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
  show({ program, model, description }, isBuiltIn) {
    const put = (
      /** @type {keyof HTMLElementTagNameMap} */ tag,
      /** @type {string} */ selector,
      /** @type {string} */ text,
    ) => {
      find(tag, selector, this.element).textContent = text;
    };
    const { name, height, width, channels, labels, scores } = description;
    const size = `${(program.size / 1e6).toFixed(1)} MB`;
    put("h3", "", name);
    put("dd", ".component", `${program.name}, ${size}`);
    put("code", ".digest", program.digest);
    const colours = channels === 1 ? "grey" : "colour";
    put(
      "dd",
      ".takes",
      `${model?.name ?? "its own"}: ${width} × ${height}, ${colours}, ${thousands(labels.length)} classes; ${scores}`,
    );
    put("code", ".model-digest", description.modelSha256);
    find("button", ".reset", this.element).hidden = isBuiltIn;
    for (const button of this.element.querySelectorAll(".swap input, .swap button")) {
      const text = button.closest("label, button")?.textContent;
      button.ariaLabel = `${text}, in place of ${name}, ${this.#place}`;
    }
  }

  /** For who goes by keyboard, where what was pressed is there no more. */
  focus() {
    find("h3", "", this.element).focus();
  }

  /** @param {string} [text] */
  problem(text) {
    tell(find("p", ".alert", this.element), text);
  }

  /**
   * Something is to take the place of what is there, and may take its time.
   *
   * @param {string} name
   * @param {() => void} giveUp
   */
  starting(name, giveUp) {
    this.element.ariaBusy = "true";
    find("span", ".starting-what", this.element).textContent = `Starting ${name}`;
    find("button", ".give-up", this.element).onclick = () => {
      giveUp();
      this.started();
      this.focus();
    };
    find("p", ".starting", this.element).hidden = false;
  }

  started() {
    this.element.ariaBusy = "false";
    find("p", ".starting", this.element).hidden = true;
  }

  remove() {
    this.element.remove();
  }
}
