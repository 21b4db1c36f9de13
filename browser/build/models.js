// The models that the page comes with beside the one in its component, as they are: weights do not compress.

import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { MODELS } from "../src/component/bundled.js";
import { MODELS as FILES } from "./paths.js";

/** @param {string} folder */
export async function models(folder) {
  await mkdir(join(folder, "models"));
  await Promise.all(
    MODELS.map(({ name }) => copyFile(join(FILES, `${name}.onnx`), join(folder, "models", `${name}.onnx`))),
  );
}
