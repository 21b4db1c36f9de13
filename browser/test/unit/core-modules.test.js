import assert from "node:assert/strict";
import test from "node:test";
import { coreModules, kindOfWasm } from "../../src/component/core-modules.js";

const HEADER = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];
const MODULE = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const section = (/** @type {number} */ id, /** @type {number[]} */ bytes) => [id, bytes.length, ...bytes];

test("core modules are found between other sections, in order", () => {
  const second = [...MODULE, ...section(0, [1, 120])];
  const file = Uint8Array.from([
    ...HEADER,
    ...section(7, [1, 2, 3]),
    ...section(1, MODULE),
    ...section(10, []),
    ...section(1, second),
  ]);
  assert.deepEqual(
    coreModules(file).map(module => [...module]),
    [MODULE, second],
  );
});

test("a length of several bytes is read whole", () => {
  const module = [...MODULE, ...Array(300).fill(0)];
  const file = Uint8Array.from([...HEADER, 1, (module.length & 0x7f) | 0x80, module.length >> 7, ...module]);
  assert.deepEqual(
    coreModules(file).map(module => module.length),
    [308],
  );
});

test("a component that is cut short is refused", () => {
  const whole = Uint8Array.from([...HEADER, ...section(1, MODULE)]);
  for (const length of [9, 10, whole.length - 1]) {
    assert.throws(() => coreModules(whole.subarray(0, length)), RangeError, `${length} bytes`);
  }
  assert.throws(() => coreModules(Uint8Array.from([...HEADER, 1, 255, 255, 255, 255, 255, 255])), /no length/);
});

test("components, core modules and other files are told apart", () => {
  assert.equal(kindOfWasm(Uint8Array.from(HEADER)), "component");
  assert.equal(kindOfWasm(Uint8Array.from(MODULE)), "module");
  for (const other of [[], HEADER.slice(0, 7), [...Buffer.from("hello there")]]) {
    assert.equal(kindOfWasm(Uint8Array.from(other)), "other");
  }
});
