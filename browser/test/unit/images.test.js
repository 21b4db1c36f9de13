import assert from "node:assert/strict";
import test from "node:test";
import { readIdx } from "../../src/images/idx.js";
import { best, places, Tally } from "../../src/images/tally.js";
import { CLASSES, TestImages } from "../../src/images/test-images.js";

const idx = (/** @type {number[]} */ sizes, /** @type {number[]} */ values) =>
  Uint8Array.from([0, 0, 8, sizes.length, ...sizes.flatMap(size => [0, 0, size >> 8, size & 255]), ...values]);

test("an IDX file is read with its sizes", () => {
  assert.deepEqual(readIdx(idx([2, 1, 3], [1, 2, 3, 4, 5, 6])), {
    sizes: [2, 1, 3],
    values: Uint8Array.from([1, 2, 3, 4, 5, 6]),
  });
});

test("what is no whole IDX file is refused", () => {
  assert.throws(() => readIdx(idx([2, 3], [1, 2, 3, 4, 5])), /has 6 values, and not 5/);
  for (const bytes of [[], [0, 0, 8], [0, 0, 8, 3, 0, 0, 0, 1], [0, 0, 13, 1, 0, 0, 0, 0], [1, 0, 8, 0]]) {
    assert.throws(() => readIdx(Uint8Array.from(bytes)), /not an IDX file/);
  }
});

test("test images have a label each and are of the size of Fashion-MNIST", () => {
  const images = new TestImages(idx([2, 28, 28], Array(2 * 784).fill(7)), idx([2], [9, 0]));
  assert.equal(images.count, 2);
  assert.equal(images.slice(1).length, 784);
  assert.deepEqual([images.label(0), images.label(1)], ["Ankle boot", "T-shirt/top"]);
  assert.throws(() => new TestImages(idx([2, 28, 28], Array(2 * 784).fill(7)), idx([1], [9])), /damaged/);
  assert.throws(() => new TestImages(idx([1, 2, 2], [1, 2, 3, 4]), idx([1], [9])), /damaged/);
});

test("labels are the same in any order, case and punctuation, and in no other way", () => {
  assert.deepEqual(places(["b", "A!"], ["a", "B"]), [1, 0]);
  for (const labels of [["a"], ["a", "c"], ["a", "a"], ["a", "b", "c"]]) {
    assert.equal(places(labels, ["a", "b"]), undefined, String(labels));
  }
  assert.deepEqual(
    places(
      CLASSES.map(label => label.toUpperCase()),
      CLASSES,
    ),
    [...CLASSES.keys()],
  );
});

test("a tally counts what is right and keeps which image was taken for what", () => {
  const tally = new Tally(2);
  assert.equal(tally.accuracy, "–");
  tally.add(5, 0, 0);
  tally.add(6, 0, 1);
  tally.add(7, 1, 1);
  assert.equal(tally.accuracy, "66.67 %");
  assert.deepEqual([tally.count, tally.right], [3, 2]);
  assert.deepEqual([tally.images(0, 0), tally.images(0, 1), tally.images(1, 0)], [[5], [6], []]);
});

test("the best is the first of the largest", () => {
  assert.equal(best(Float32Array.from([0.1, 0.4, 0.4, 0.1])), 1);
  assert.equal(best(Float32Array.from([1])), 0);
});
