import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { whole } from "../../src/component/external.js";
import { best } from "../../src/images/tally.js";
import { at, pageTest, site } from "./support.js";

const served = site();
const VECTORS = 100;

const USUAL = "classifier.wasm";
/** With the operators of all models. */
const FULL = "classifier-full.wasm";

/** Models with how far a probability may be from onnxruntime's, as the host's own tests have it. */
const MODELS = /** @type {const} */ ([
  ["fashion-small", 1e-4, USUAL],
  ["fashion-small", 1e-4, FULL],
  ["fashion-large", 1e-4, USUAL],
  ["fashion-large", 1e-4, FULL],
  ["fashion-small-int8", 2e-2, USUAL],
  ["fashion-small-int8", 2e-2, FULL],
]);

/** 32-bit floats of a NumPy file of version 1. @param {string} path */
async function floats(path) {
  const file = await readFile(path);
  const start = 10 + file.readUInt16LE(8);
  return new Float32Array(Uint8Array.from(file.subarray(start)).buffer);
}

for (const [name, tolerance, component] of MODELS) {
  pageTest(served, `${name} gives the golden classes and scores in the browser, in ${component}`, async page => {
    const expected = await floats(at(`models/golden/${name}-100.npy`));
    const images = gunzipSync(await readFile(at("models/data/t10k-images-idx3-ubyte.gz"))).subarray(16);
    const given = await page.evaluate(
      predict,
      component,
      VECTORS,
      base64(images.subarray(0, VECTORS * 784)),
      base64(await readFile(at(`models/${name}.onnx`))),
    );
    assert.equal(given.length, expected.length);
    const labels = given.length / VECTORS;
    for (let image = 0; image < VECTORS; image++) {
      const row = (/** @type {Float32Array} */ of) => of.subarray(image * labels, (image + 1) * labels);
      assert.equal(best(row(Float32Array.from(given))), best(row(expected)), `the class of image ${image}`);
      for (const [place, value] of row(expected).entries()) {
        const difference = Math.abs(given[image * labels + place] - value);
        assert.ok(difference <= tolerance, `image ${image}, class ${place}: off by ${difference}`);
      }
    }
  });
}

pageTest(served, "every variant of a model gives onnxruntime's scores in the browser", async page => {
  const variants = JSON.parse(await readFile(at("models/golden/variants.json"), "utf8"));
  // Which of several outputs is meant can be said to the host alone.
  const models = variants.models.filter((/** @type {any} */ { output }) => output === undefined);
  for (const { name, within, probabilities, height = 4, width = 5 } of models) {
    // Where the model's images are smaller, they are the first pixels of the same.
    const images = variants.images.map((/** @type {number[]} */ image) => image.slice(0, height * width));
    const file = `models/golden/variants/${name}.onnx`;
    const weights = await readFile(at(`${file}.data`)).catch(() => undefined);
    const beside = weights ? [new File([Uint8Array.from(weights)], `${name}.onnx.data`)] : [];
    const given = await page.evaluate(
      predict,
      FULL,
      images.length,
      base64(Uint8Array.from(images.flat())),
      base64(await whole(Uint8Array.from(await readFile(at(file))), beside)),
    );
    const expected = probabilities.flat();
    assert.equal(given.length, expected.length, name);
    for (const [place, value] of expected.entries()) {
      assert.ok(Math.abs(given[place] - value) <= within, `${name}: ${given[place]} for ${value}`);
    }
  }
});

const base64 = (/** @type {Uint8Array} */ bytes) => Buffer.from(bytes).toString("base64");

/**
 * In the page: its own workers, called as it calls them.
 *
 * @param {string} component
 * @param {number} count
 * @param {string} images
 * @param {string} onnx
 */
async function predict(component, count, images, onnx) {
  const bytes = (/** @type {string} */ base64) => Uint8Array.from(atob(base64), character => character.charCodeAt(0));
  const call = (/** @type {Worker} */ worker, /** @type {string} */ name, /** @type {unknown[]} */ ...args) =>
    /** @type {Promise<any>} */ (
      new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => {
          if (data.failure) {
            reject(new Error(data.failure.message));
          } else if (!data.progress) {
            resolve(data.value);
          }
        };
        worker.postMessage({ id: 0, name, args });
      })
    );
  const page = /** @type {any} */ (globalThis);
  // Once for all models.
  page.programs ??= {};
  page.programs[component] ??= await fetch(component)
    .then(response => response.arrayBuffer())
    .then(file => call(new Worker("loader.worker.js", { type: "module" }), "other", component, new Uint8Array(file)));
  const { script, modules } = page.programs[component];
  const guest = new Worker("guest.worker.js", { type: "module" });
  await call(guest, "start", URL.createObjectURL(new Blob([script], { type: "text/javascript" })), modules);
  await call(guest, "load", bytes(onnx), []);
  const { probabilities } = await call(guest, "predict", count, bytes(images));
  guest.terminate();
  return [...probabilities];
}
