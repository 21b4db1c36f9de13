// Where things lie in the checkout.

import { fileURLToPath } from "node:url";

const at = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

export const BROWSER = at("..");
export const COMPONENT = process.env.HOST_COMPONENT ?? at("../../target/component/classifier.wasm");
/** Its build with the operators of all models. */
export const FULL = at("../../target/component/classifier-full.wasm");
export const MODELS = at("../../models");
export const PAGE = at("../../target/browser");
