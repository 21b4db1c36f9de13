import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { sha256 } from "../../src/component/digest.js";

test("a digest is the same with the browser's own and without", async () => {
  const file = Uint8Array.from({ length: 1000 }, (_, place) => place % 251);
  const expected = createHash("sha256").update(file).digest("hex");
  assert.equal(await sha256(file), expected);
  const { crypto } = globalThis;
  Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true });
  try {
    assert.equal(await sha256(file), expected);
  } finally {
    Object.defineProperty(globalThis, "crypto", { value: crypto, configurable: true });
  }
});
