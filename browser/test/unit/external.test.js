import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { whole } from "../../src/component/external.js";
import { externalised } from "../external.js";

const at = (/** @type {string} */ path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const bytes = (/** @type {Buffer} */ buffer) => Uint8Array.from(buffer);
const file = (/** @type {string} */ name, /** @type {Buffer} */ content) => new File([bytes(content)], name);

const ONNX = readFileSync(at("models/fashion-small.onnx"));
const { model, data } = externalised(ONNX, "weights/small.onnx.data");

test("a model gets the weights that lie in a file beside it, and is what it was", async () => {
  assert.ok(model.length < 20_000 && data.length > 250_000, `${model.length} and ${data.length} bytes`);
  const joined = await whole(bytes(model), [file("other.data", ONNX), file("small.onnx.data", data)]);
  // Fields may stand in another order: what was moved stands last.
  const back = externalised(Buffer.from(joined), "weights/small.onnx.data");
  assert.equal(Buffer.compare(back.data, data), 0);
  assert.equal(joined.length, ONNX.length);
});

test("a model that is whole, and what is no model, stays as it is", async () => {
  const model = bytes(ONNX);
  assert.equal(await whole(model, []), model);
  const broken = model.subarray(0, 1000);
  assert.equal(await whole(broken, []), broken);
  const text = bytes(Buffer.from("hello"));
  assert.equal(await whole(text, []), text);
});

test("a file that is missing or too short is named", async () => {
  await assert.rejects(whole(bytes(model), []), /in 'weights\/small\.onnx\.data': choose or drop both files together/);
  await assert.rejects(
    whole(bytes(model), [file("small.onnx.data", data.subarray(0, 100))]),
    /'weights\/small\.onnx\.data' has 100 bytes, and weights of the model end at byte \d+/,
  );
});
