import assert from "node:assert/strict";
import test from "node:test";
import { Classifier, getReady } from "../../src/component/classifier.js";
import { channel } from "./channel.js";

// Where the page is, as a worker's address is relative to it.
globalThis.location = /** @type {any} */ ({ href: "http://127.0.0.1/" });

const PROGRAM = { name: "x.wasm", size: 1, digest: "0".repeat(64), script: "", modules: [] };
const DESCRIPTION = {
  name: "m",
  version: "1",
  height: 1,
  width: 2,
  channels: 1,
  labels: ["a", "b"],
  hasTensors: true,
  maxImages: 4,
  accepts: ["text/plain"],
  produces: ["text/plain"],
};

/**
 * Instances of a guest, in place of workers; each says what it does to `calls`.
 *
 * @param {string[]} calls
 * @param {(pixels: Uint8Array) => number[]} predict
 */
function guests(calls, predict) {
  /** @type {any[]} */
  const workers = [];
  let instances = 0;
  const functions = () => {
    const instance = ++instances;
    return {
      start: () => {
        calls.push(`${instance} start`);
        return DESCRIPTION;
      },
      load: (/** @type {Uint8Array} */ onnx, /** @type {string[]} */ labels) => {
        calls.push(`${instance} load ${[onnx, ...labels]}`);
        return { ...DESCRIPTION, name: "loaded" };
      },
      predict: (/** @type {number} */ count, /** @type {Uint8Array} */ pixels) => {
        calls.push(`${instance} predict ${count}`);
        return { probabilities: Float32Array.from(predict(pixels)), took: 1 };
      },
    };
  };
  const failure = (/** @type {any} */ error) => ({ kind: error.kind ?? "trap", message: error.message });
  class Guest {
    /** @param {string} address */
    constructor(address) {
      assert.match(address, /^blob:/, "only then the page's content security policy binds it");
      // biome-ignore lint/correctness/noConstructorReturn: a channel stands in for the worker
      return workers[workers.push(channel(functions(), failure)) - 1];
    }
  }
  globalThis.Worker = /** @type {any} */ (Guest);
  return workers;
}

test("a guest that falls is replaced by a fresh one with the same model, at the next call", async () => {
  /** @type {string[]} */
  const calls = [];
  guests(calls, pixels => {
    if (pixels[0] === 13) {
      throw new Error("unreachable");
    }
    return [0.25, 0.75];
  });
  const classifier = await Classifier.start(PROGRAM, { name: "seven.onnx", bytes: Uint8Array.from([7]) });
  assert.equal(classifier.description.name, "loaded");
  await assert.rejects(classifier.predict(1, Uint8Array.from([13, 0])), { kind: "trap", message: "unreachable" });
  const { rows } = await classifier.predict(1, Uint8Array.from([1, 2]));
  assert.deepEqual([...rows[0]], [0.25, 0.75]);
  assert.deepEqual(calls, ["1 start", "1 load 7", "1 predict 1", "2 start", "2 load 7", "2 predict 1"]);
  classifier.end();
});

test("a guest that says it is broken is replaced by a fresh one, at the next call", async () => {
  /** @type {string[]} */
  const calls = [];
  let isBroken = true;
  guests(calls, () => {
    if (isBroken) {
      isBroken = false;
      throw Object.assign(new Error("worn-out: the weights are lost"), { kind: "fatal" });
    }
    return [1, 0];
  });
  const classifier = await Classifier.start(PROGRAM);
  await assert.rejects(classifier.predict(1, new Uint8Array(2)), { kind: "fatal" });
  await classifier.predict(1, new Uint8Array(2));
  assert.deepEqual(calls, ["1 start", "1 predict 1", "2 start", "2 predict 1"]);
  classifier.end();
});

test("a call that waits behind one that falls finds a fresh instance, and no instance is left over", async () => {
  /** @type {string[]} */
  const calls = [];
  guests(calls, pixels => {
    if (pixels[0] === 13) {
      throw new Error("unreachable");
    }
    return [1, 0];
  });
  const classifier = await Classifier.start(PROGRAM);
  const [fallen, ...answered] = await Promise.allSettled(
    [13, 1, 2].map(pixel => classifier.predict(1, Uint8Array.from([pixel, 0]))),
  );
  assert.equal(fallen.status, "rejected");
  assert.deepEqual(
    answered.map(({ status }) => status),
    ["fulfilled", "fulfilled"],
  );
  assert.deepEqual(calls, ["1 start", "1 predict 1", "2 start", "2 predict 1", "2 predict 1"]);
  classifier.end();
});

test("a worker that has come up before is the next instance's, and no other one's", async () => {
  /** @type {string[]} */
  const calls = [];
  const workers = guests(calls, () => [1, 0]);
  getReady();
  assert.equal(workers.length, 1);
  const first = await Classifier.start(PROGRAM);
  assert.equal(workers.length, 1);
  const second = await Classifier.start(PROGRAM);
  assert.equal(workers.length, 2);
  assert.deepEqual(calls, ["1 start", "2 start"]);
  first.end();
  second.end();
});

test("a guest whose worker fails is replaced by a fresh one, at the next call", async () => {
  /** @type {string[]} */
  const calls = [];
  const workers = guests(calls, () => [1, 0]);
  const classifier = await Classifier.start(PROGRAM);
  workers[0].dispatchEvent(new Event("error"));
  await classifier.predict(1, new Uint8Array(2));
  assert.deepEqual(calls, ["1 start", "2 start", "2 predict 1"]);
  classifier.end();
});

test("a model is given the labels that came with it, also where its guest is replaced", async () => {
  /** @type {string[]} */
  const calls = [];
  const workers = guests(calls, () => [1, 0]);
  const model = { name: "seven.onnx", bytes: Uint8Array.from([7]), labels: ["cat", "dog"] };
  const classifier = await Classifier.start(PROGRAM, model);
  workers[0].dispatchEvent(new Event("error"));
  await classifier.predict(1, new Uint8Array(2));
  assert.deepEqual(calls, ["1 start", "1 load 7,cat,dog", "2 start", "2 load 7,cat,dog", "2 predict 1"]);
  classifier.end();
});

test("a file is read by the guest itself, and its answer is checked", async () => {
  guests([], () => [1, 0]);
  const classifier = await Classifier.start(PROGRAM);
  const body = Uint8Array.from([1, 2, 3]);
  await assert.rejects(classifier.classify(body, {}), /produces text\/plain; the page needs/);
  classifier.end();
});

test("one that was ended answers no more, also where it was being replaced", async () => {
  guests([], () => {
    throw new Error("unreachable");
  });
  const classifier = await Classifier.start(PROGRAM);
  await assert.rejects(classifier.predict(1, new Uint8Array(2)), { kind: "trap" });
  const waiting = classifier.predict(1, new Uint8Array(2));
  await Promise.resolve();
  classifier.end();
  await assert.rejects(waiting, { kind: "error" });
  await assert.rejects(classifier.predict(1, new Uint8Array(2)), { kind: "error" });
});

test("a refusal costs no instance", async () => {
  /** @type {string[]} */
  const calls = [];
  guests(calls, () => {
    throw Object.assign(new Error("bad-shape: too few"), { kind: "reject" });
  });
  const classifier = await Classifier.start(PROGRAM);
  for (let call = 0; call < 2; call++) {
    await assert.rejects(classifier.predict(1, new Uint8Array(2)), { kind: "reject" });
  }
  assert.deepEqual(calls, ["1 start", "1 predict 1", "1 predict 1"]);
  classifier.end();
});

test("probabilities that break the contract are an error, and not shown", async () => {
  guests([], () => [0.5]);
  const classifier = await Classifier.start(PROGRAM);
  await assert.rejects(classifier.predict(1, new Uint8Array(2)), /breaks the contract: 1 values for 1 x 2/);
  classifier.end();
});

test("of an array only its own bytes are sent", async () => {
  let length = 0;
  guests([], pixels => {
    length = pixels.buffer.byteLength;
    return [1, 0];
  });
  const classifier = await Classifier.start(PROGRAM);
  await classifier.predict(1, new Uint8Array(1000).subarray(10, 12));
  assert.equal(length, 2);
  classifier.end();
});
