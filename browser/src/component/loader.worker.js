// Makes programs, apart from the page's thread: expanding, hashing and transpiling megabytes would hold up whoever types. It
// runs nothing of what it makes.

import { serve } from "./calls.js";
import { expanded, text } from "./download.js";
import { prepared, transpiled } from "./program.js";
import { Words, wasi } from "./wasi.js";

serve(self, {
  /**
   * A component that the page comes with.
   *
   * @param {string} name
   * @param {import("./download.js").Progress} progress
   */
  async builtIn(name, progress) {
    const [file, script] = await Promise.all([expanded(`${name}.zst`, progress), text(name.replace(/wasm$/, "js"))]);
    return prepared(name, file, script);
  },

  /**
   * A component from a file.
   *
   * @param {string} name
   * @param {Uint8Array<ArrayBuffer>} file
   */
  async other(name, file) {
    return transpiled(name, file, Object.keys(wasi(new Words())));
  },
});
