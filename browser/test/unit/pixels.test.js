import assert from "node:assert/strict";
import test from "node:test";
import { message, rows } from "../../src/component/pixels.js";

const PIXELS = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
const DESCRIPTION = /** @type {any} */ ({ height: 1, width: 2, channels: 1, accepts: ["image/png"] });

test("pixels reach a component without tensors in a format that it accepts, bytes rather than text", () => {
  const accepting = (/** @type {string[]} */ ...accepts) => message(PIXELS, 4, { ...DESCRIPTION, accepts });
  const raw = accepting("application/json", "application/octet-stream;shape=N,H,W,C");
  assert.deepEqual(raw, { body: PIXELS, contentType: "application/octet-stream;shape=4,1,2,1" });
  const json = accepting("image/png", "application/json");
  assert.equal(json.contentType, "application/json");
  const array = [[[[1], [2]]], [[[3], [4]]], [[[5], [6]]], [[[7], [8]]]];
  assert.deepEqual(JSON.parse(new TextDecoder().decode(json.body)), { array });
  assert.throws(() => accepting("image/png"), /has no interface tensors, and accepts image\/png/);
});

test("a row has the scores of its classes, and 1 for an answer without a score", () => {
  const images = [
    [
      { class: 2, score: 0.75 },
      { class: 0, score: 0.25 },
    ],
    [{ class: 1 }],
  ];
  assert.deepEqual(
    rows(images, 3).map(row => [...row]),
    [
      [0.25, 0, 0.75],
      [0, 1, 0],
    ],
  );
});
