// The ways in which a file comes: chosen, dropped anywhere, or pasted.

import { find } from "./dom.js";

/**
 * @param {(file: File, target?: Element) => void} take Is told what a file was dropped onto.
 * @param {(text: string) => void} problem
 */
export function files(take, problem) {
  /**
   * @param {FileList | null | undefined} list
   * @param {Element} [target]
   */
  const first = (list, target) => {
    if (list?.length === 1) {
      take(list[0], target);
    } else if (list?.length) {
      problem(`These are ${list.length} files: bring one at a time`);
    }
    return Boolean(list?.length);
  };
  const input = find("input", "#file");
  input.addEventListener("change", () => {
    first(input.files);
    // The same file once more is a change too.
    input.value = "";
  });
  document.addEventListener("paste", event => {
    if (!first(event.clipboardData?.files)) {
      problem("What was pasted is no picture: copy one, rather than its address or a text");
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
    if (!first(event.dataTransfer?.files, event.target instanceof Element ? event.target : undefined)) {
      problem("What was dropped is no file: save it first, then drop the file");
    }
  });
}
