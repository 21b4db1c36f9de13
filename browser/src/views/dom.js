// Finding elements of the page, and saying that one is missing rather than going on without it.

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} selector
 * @param {ParentNode} [parent]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function find(tag, selector, parent = document) {
  const found = parent.querySelector(`${tag}${selector}`);
  if (!found) {
    throw new Error(`the page has no ${tag}${selector}`);
  }
  return /** @type {HTMLElementTagNameMap[T]} */ (found);
}

/**
 * Puts text where there is something to say, and hides its place where there is not.
 *
 * @param {HTMLElement} place
 * @param {string} [text]
 */
export function tell(place, text = "") {
  place.textContent = text;
  place.hidden = text === "";
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {number} count A whole number. */
export function thousands(count) {
  // Not `toLocaleString`, for which a browser first loads all that it knows of languages.
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * Shows how far something is; where nobody knows how much there is, only that it goes on.
 *
 * @param {HTMLProgressElement} bar
 * @param {number} done
 * @param {number} total 0 where it is not known.
 */
export function fill(bar, done, total) {
  if (total > 0) {
    bar.max = total;
    bar.value = done;
  } else {
    bar.removeAttribute("value");
  }
}
