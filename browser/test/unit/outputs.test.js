import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { outputs, withOutput } from "../../src/component/outputs.js";

const model = (/** @type {string} */ name) =>
  Uint8Array.from(readFileSync(fileURLToPath(new URL(`../../../models/${name}.onnx`, import.meta.url))));

test("outputs are named, and there are none of what is no model", () => {
  assert.deepEqual(outputs(model("golden/variants/two-outputs")), ["others", "answers"]);
  assert.deepEqual(outputs(model("fashion-small")), ["probabilities"]);
  for (const bytes of [[], [8, 7], [0x3a, 200, 1], [0x3a, 2, 0x62, 9]]) {
    assert.deepEqual(outputs(Uint8Array.from(bytes)), []);
  }
});

test("a model keeps the output that is chosen, and all else", async () => {
  const two = model("golden/variants/two-outputs");
  const one = await withOutput(two, "answers");
  assert.deepEqual(outputs(one), ["answers"]);
  assert.ok(one.length < two.length && two.length - one.length < 40, `${one.length} of ${two.length} bytes`);
  const whole = model("fashion-small");
  assert.deepEqual(await withOutput(whole, "probabilities"), whole);
});
