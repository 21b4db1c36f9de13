// A file that the page has made, given to whoever uses it as a download.

/**
 * @param {string} name
 * @param {string} text
 * @param {string} type Its media type.
 */
export function save(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  // A file may have come with a path, or with what a file system does not take.
  link.download = name.replaceAll(/[^\p{L}\p{N}._ -]+/gu, "-");
  link.click();
  URL.revokeObjectURL(url);
}
