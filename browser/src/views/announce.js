// Answers for who hears the page: which model says what, and no more often than one can listen.

/** Milliseconds between two announcements; a camera would change them four times a second. */
const PAUSE = 2000;

/**
 * @param {HTMLElement} place A live region.
 * @returns {(model: string, answer: string) => void}
 */
export function announcer(place) {
  /** @type {Map<string, string>} */
  const answers = new Map();
  let timer = 0;
  return (model, answer) => {
    answers.delete(model);
    answers.set(model, answer);
    if (timer !== 0) {
      return;
    }
    timer = window.setTimeout(() => {
      timer = 0;
      const text = [...answers].map(([model, answer]) => `${model}: ${answer}`).join("; ");
      answers.clear();
      if (place.textContent !== text) {
        place.textContent = text;
      }
    }, PAUSE);
  };
}
