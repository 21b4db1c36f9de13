import assert from "node:assert/strict";
import test from "node:test";
import { answers } from "../../src/images/answers.js";

/**
 * A classifier that takes so many milliseconds an image, as it says, and `count` images of a pixel each.
 *
 * @param {number} count
 * @param {number} milliseconds
 * @param {object} [other]
 * @param {number} [other.maxImages]
 * @param {number} [other.fails] The number of the call that fails.
 */
function classified(count, milliseconds, { maxImages = 1000, fails = -1 } = {}) {
  /** @type {number[]} */
  const calls = [];
  const open = { now: 0, most: 0 };
  const classifier = {
    description: { maxImages },
    predict: async (/** @type {number} */ images) => {
      const call = calls.push(images) - 1;
      open.most = Math.max(open.most, ++open.now);
      await null;
      open.now--;
      if (call === fails) {
        throw new Error("not today");
      }
      return { rows: Array.from({ length: images }, () => new Float32Array()), took: images * milliseconds };
    },
  };
  const images = { count, slice: () => new Uint8Array() };
  const stop = new AbortController();
  const all = answers(/** @type {any} */ (classifier), images, stop.signal);
  return { all, calls, open, stop };
}

test("each image is asked for once and in order, two calls at a time, each for the images of 25 ms", async () => {
  const { all, calls, open } = classified(1000, 0.1);
  let next = 0;
  for await (const { number, rows } of all) {
    assert.equal(number, next);
    next += rows.length;
  }
  assert.equal(next, 1000);
  // It grows twofold at most: how long a call takes is known once it is answered.
  assert.deepEqual(calls, [50, 50, 100, 100, 200, 200, 250, 50]);
  assert.equal(open.most, 2);
});

test("a slow model gets at least an image a call, and none gets more than it takes", async () => {
  const slow = classified(103, 1000);
  for await (const _ of slow.all) {
  }
  assert.deepEqual(slow.calls, [50, 50, 1, 1, 1]);
  const small = classified(10, 0.001, { maxImages: 4 });
  for await (const _ of small.all) {
  }
  assert.deepEqual(small.calls, [4, 4, 2]);
  const timeless = classified(120, 0);
  for await (const _ of timeless.all) {
  }
  assert.deepEqual(timeless.calls, [50, 50, 20]);
});

test("once it is stopped nothing more is asked for", async () => {
  const { all, calls, stop } = classified(1000, 0.5);
  let answered = 0;
  for await (const { rows } of all) {
    answered += rows.length;
    stop.abort();
  }
  assert.deepEqual(calls, [50, 50]);
  assert.equal(answered, 100);
});

test("a call that fails ends it, and the one that waits behind it fails unheard", async () => {
  const { all, calls } = classified(1000, 0.5, { fails: 0 });
  await assert.rejects(all.next(), /not today/);
  assert.equal((await all.next()).done, true);
  assert.equal(calls.length, 2);
});
