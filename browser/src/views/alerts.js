// What is wrong, until it is mended or put away: a message to a place, with a button to close it, and Escape for all.

import { find } from "./dom.js";

/**
 * Says what is wrong in the place of whatever was said there before; with no text nothing is wrong any more.
 *
 * @param {HTMLElement} place
 * @param {string} [text]
 */
export function alert(place, text = "") {
  const message = find("p", "", place);
  if (message.textContent !== text) {
    message.textContent = text;
  }
  place.hidden = text === "";
}

/** Closes every alert: what is done next has nothing to do with them. */
export function clearAlerts() {
  for (const place of shown()) {
    alert(place);
  }
}

/** Has the buttons of all alerts, also of those to come, and Escape close them. */
export function closeable() {
  document.addEventListener("click", event => {
    const button = event.target instanceof Element ? event.target.closest("button.close") : undefined;
    const place = button?.closest(".alert");
    if (place instanceof HTMLElement) {
      close(place);
    }
  });
  document.addEventListener("keydown", event => {
    if (event.key === "Escape") {
      shown().forEach(close);
    }
  });
}

/** The keyboard's focus goes on where the alert was. @param {HTMLElement} place */
function close(place) {
  if (place.contains(document.activeElement)) {
    find("main", "").focus({ preventScroll: true });
  }
  alert(place);
}

function shown() {
  return [...document.querySelectorAll("div.alert:not([hidden])")].filter(place => place instanceof HTMLElement);
}
