// A model's card: which component and model answer, what they answer, and how to put others in their place.

import { MODELS } from "../component/bundled.js";
import { messageOf } from "../error.js";
import { labelsIn } from "../images/labels.js";
import { alert, clearAlerts } from "./alerts.js";
import { find, megabytes, thousands } from "./dom.js";

/** @typedef {import("../component/classifier.js").Classifier} Classifier */

/**
 * @typedef {object} Actions
 * @property {(files: File[]) => void} model
 * @property {(name: string) => void} bundled A model that the page comes with; with no name the component's own.
 * @property {(files: File[]) => void} component
 * @property {(labels: string[]) => void} labels
 * @property {() => void} reset
 * @property {() => void} [remove]
 */

export class Card {
  #actions;
  #choice;
  #labels;
  /** Two cards may have the same model. */
  #place;

  /**
   * @param {HTMLElement} place Where the card goes, after those that are there.
   * @param {Actions} actions
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
    this.#actions = actions;
    this.#choice = find("select", ".bundled", this.element);
    this.#labels = find("textarea", ".labels", this.element);
    this.#listen();
  }

  #listen() {
    this.#onFiles(".onnx", this.#actions.model);
    this.#onFiles(".wasm", this.#actions.component);
    this.#onFiles(".labels-file", async ([file]) => {
      this.#name(new Uint8Array(await file.arrayBuffer()));
    });
    find("button", ".use-labels", this.element).addEventListener("click", () => this.#name(this.#labels.value));
    this.#choice.addEventListener("change", () => {
      clearAlerts();
      this.#actions.bundled(this.#choice.value);
    });
    find("button", ".reset", this.element).addEventListener("click", () => {
      clearAlerts();
      this.#actions.reset();
    });
    const remove = find("button", ".remove", this.element);
    remove.hidden = !this.#actions.remove;
    remove.addEventListener("click", () => this.#actions.remove?.());
  }

  /**
   * @param {string} selector
   * @param {(files: File[]) => unknown} act
   */
  #onFiles(selector, act) {
    const input = find("input", selector, this.element);
    input.addEventListener("change", () => {
      const files = [...(input.files ?? [])];
      if (files.length > 0) {
        clearAlerts();
        act(files);
      }
      // The same file once more is a change too: it may have been mended.
      input.value = "";
    });
  }

  /** @param {string | Uint8Array} text A label a line. */
  #name(text) {
    clearAlerts();
    try {
      this.#actions.labels(labelsIn(text));
    } catch (error) {
      this.problem(`No labels: ${messageOf(error)}`);
    }
  }

  /**
   * @param {Classifier} classifier
   * @param {boolean} isBuiltIn Whether the component is the one that the page comes with.
   */
  show({ program, model, description }, isBuiltIn) {
    const put = (
      /** @type {keyof HTMLElementTagNameMap} */ tag,
      /** @type {string} */ selector,
      /** @type {string} */ text,
    ) => {
      find(tag, selector, this.element).textContent = text;
    };
    const { name, height, width, channels, labels, accepts } = description;
    put("h3", "", name);
    put("dd", ".component", `${program.name}, ${megabytes(program.size)}`);
    put("code", ".digest", program.digest);
    put("dd", ".reads", accepts.join(", "));
    const colours = channels === 1 ? "grey" : "colour";
    put(
      "dd",
      ".takes",
      [
        `${model?.name ?? "its own"}: ${width} × ${height}, ${colours}, ${thousands(labels.length)} classes`,
        ...(description.model ? [description.model.scores] : []),
      ].join("; "),
    );
    put("code", ".model-digest", description.model?.sha256 ?? "none");
    find("button", ".reset", this.element).hidden = isBuiltIn && !model;
    find("details", ".naming", this.element).hidden = !model;
    this.#labels.value = labels.join("\n");
    this.#offer(model?.name, isBuiltIn);
    for (const control of this.element.querySelectorAll(".swap input, .swap button, .swap select")) {
      const text = control.closest("label, button")?.querySelector(".what")?.textContent ?? control.textContent;
      control.ariaLabel = `${text}, in place of ${name}, ${this.#place}`;
    }
  }

  /**
   * The models to choose from, that which is in use included.
   *
   * @param {string | undefined} file Of the model in use; none where it is the component's own.
   * @param {boolean} isBuiltIn
   */
  #offer(file, isBuiltIn) {
    const [own, ...others] = MODELS;
    const told = (/** @type {import("../component/bundled.js").Bundled} */ { name, accuracy, bytes }) =>
      `${name}: ${accuracy} % right, ${megabytes(bytes)}`;
    const options = [
      new Option(isBuiltIn ? told(own) : "the component's own model", ""),
      ...(isBuiltIn ? others : MODELS).map(model => new Option(told(model), model.name)),
    ];
    const known = options.find(({ value }) => `${value}.onnx` === file);
    if (file !== undefined && !known) {
      options.push(new Option(`from a file: ${file}`, file));
    }
    this.#choice.replaceChildren(...options);
    this.#choice.value = file === undefined ? "" : (known?.value ?? file);
    this.#choice.dataset.chosen = this.#choice.value;
  }

  /** For who goes by keyboard, where what was pressed is there no more. */
  focus() {
    find("h3", "", this.element).focus();
  }

  /**
   * Asks which output of a model has the scores of the classes.
   *
   * @param {string} file
   * @param {string[]} outputs
   * @param {(output: string) => void} use
   */
  ask(file, outputs, use) {
    const question = find("form", ".outputs", this.element);
    const choice = find("select", "", question);
    find("p", ".what", question).textContent =
      `'${file}' has ${outputs.length} outputs. Which one has the scores of the classes?`;
    choice.replaceChildren(...outputs.map(output => new Option(output)));
    question.onsubmit = event => {
      event.preventDefault();
      use(choice.value);
    };
    question.hidden = false;
    choice.focus();
  }

  /** @param {string} [text] */
  problem(text) {
    alert(find("div", ".alert", this.element), text);
  }

  /**
   * Something is to take the place of what is there, and may take its time.
   *
   * @param {string} name
   * @param {() => void} cancel
   */
  starting(name, cancel) {
    this.element.ariaBusy = "true";
    find("form", ".outputs", this.element).hidden = true;
    find("span", ".starting-what", this.element).textContent = `Starting ${name}`;
    find("button", ".cancel", this.element).onclick = () => {
      cancel();
      this.started();
      this.focus();
    };
    find("p", ".starting", this.element).hidden = false;
  }

  /** It has started, or has not: what is chosen is what is there. */
  started() {
    this.element.ariaBusy = "false";
    find("p", ".starting", this.element).hidden = true;
    this.#choice.value = this.#choice.dataset.chosen ?? "";
  }

  remove() {
    this.element.remove();
  }
}
