// One line on what the page is doing. Only what was begun last may write there, so nothing old remains.

export class Status {
  #place;
  #turn = 0;

  /** @param {HTMLElement} place A live region. */
  constructor(place) {
    this.#place = place;
  }

  /**
   * Something else is done from now on, or nothing.
   *
   * @param {string} [text]
   * @returns {(text: string) => void} Goes on about it; where something else has begun meanwhile, it says nothing.
   */
  begin(text = "") {
    const turn = ++this.#turn;
    const say = (/** @type {string} */ text) => {
      // The same text again would be read out again.
      if (turn === this.#turn && this.#place.textContent !== text) {
        this.#place.textContent = text;
      }
    };
    say(text);
    return say;
  }
}
