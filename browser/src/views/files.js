// The ways in which files come: chosen, dropped anywhere, or pasted.

import { find } from "./dom.js";

/**
 * @param {(files: File[], target?: Element) => void} take Hears what they were dropped onto.
 * @param {(text: string) => void} problem
 */
export function files(take, problem) {
  /**
   * @param {FileList | null | undefined} list
   * @param {Element} [target]
   * @returns Whether there were any.
   */
  const some = (list, target) => {
    if (list?.length) {
      take([...list], target);
    }
    return Boolean(list?.length);
  };
  const input = find("input", "#file");
  input.addEventListener("change", () => {
    some(input.files);
    // The same file once more is a change too.
    input.value = "";
  });
  document.addEventListener("paste", event => {
    const isText = event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement;
    if (!some(event.clipboardData?.files) && !isText) {
      problem("The clipboard holds no picture: copy the picture itself, not its address or text");
    }
  });

  const drop = find("div", "#drop");
  document.addEventListener("dragover", event => {
    event.preventDefault();
    drop.hidden = false;
  });
  document.addEventListener("dragleave", event => {
    drop.hidden = event.relatedTarget === null;
  });
  document.addEventListener("drop", event => {
    event.preventDefault();
    drop.hidden = true;
    if (!some(event.dataTransfer?.files, event.target instanceof Element ? event.target : undefined)) {
      problem("That was not a file: save it first, then drop the file");
    }
  });
}
