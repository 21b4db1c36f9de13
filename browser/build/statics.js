// What is served as it stands in `static/`: all but styles, which are bundled.

import { cp } from "node:fs/promises";
import { join } from "node:path";
import { BROWSER } from "./paths.js";

/** @param {string} folder */
export async function statics(folder) {
  await cp(join(BROWSER, "static"), folder, { recursive: true, filter: path => !path.endsWith(".css") });
}
