// The models on the page: one, and where it is asked for a second beside it.

import { builtIn } from "./component/built-in.js";
import { other } from "./component/loader.js";
import { Slot } from "./slot.js";
import { find } from "./views/dom.js";

/** @typedef {import("./component/program.js").Program} Program */

/** The build of the component with the operators of all models: ten times as large. */
const FULL = "classifier-full.wasm";

export class Models {
  /** @type {Slot[]} */
  slots = [];
  #builtIn;
  #page;
  #compare = find("button", "#compare");
  /** @type {Promise<Program> | undefined} */
  #full;

  /**
   * @param {Program} builtIn
   * @param {object} page What the page does for a model.
   * @param {import("./picture/preparer.js").Preparer} page.preparer
   * @param {(slot: Slot) => void} page.changed Another model is in the slot.
   * @param {(slot: Slot) => void} page.removed
   * @param {(model: string, answer: string) => void} page.announce
   */
  constructor(builtIn, page) {
    this.#builtIn = builtIn;
    this.#page = page;
    this.#compare.addEventListener("click", () => {
      this.#compare.hidden = true;
      this.#add(() => this.#remove());
      this.slots[1].card.focus();
    });
  }

  /** Puts the built-in model onto the page. */
  async start() {
    await this.#add();
    this.#compare.hidden = false;
  }

  /** @param {() => void} [remove] */
  #add(remove) {
    const page = { ...this.#page, transpile: other, full: () => this.#withAllOperators(), remove };
    const slot = new Slot(find("div", "#models"), this.#builtIn, page);
    this.slots.push(slot);
    return slot.start();
  }

  /** Loaded once, by the first model that needs it. */
  #withAllOperators() {
    this.#full ??= builtIn(FULL).catch(error => {
      this.#full = undefined;
      throw error;
    });
    return this.#full;
  }

  #remove() {
    const [slot] = this.slots.splice(1, 1);
    slot.remove();
    this.#page.removed(slot);
    this.#compare.hidden = false;
    this.#compare.focus();
  }
}
