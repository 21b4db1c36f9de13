// Makes programs of files, apart from the page's thread: transpiling megabytes would hold up whoever types. It runs nothing of
// what it makes.

import { serve } from "./calls.js";
import { transpiled } from "./program.js";
import { Words, wasi } from "./wasi.js";

serve(self, {
  /**
   * @param {string} name
   * @param {Uint8Array<ArrayBuffer>} file
   */
  async other(name, file) {
    return transpiled(name, file, Object.keys(wasi(new Words())));
  },
});
