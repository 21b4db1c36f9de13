// One instance of a component, alone in a worker: whatever it does, the page goes on, and ends the worker where it takes
// too long. jco's script runs here beside it, and is trusted no more than the component that it was made of.

import { serve } from "./calls.js";
import { text } from "./check.js";
import { chosen, VERSION } from "./versions.js";
import { Words, wasi } from "./wasi.js";

/**
 * The exports that are used, of which all but `messages` may be missing; `wit/classifier.wit` documents them.
 *
 * @typedef {object} Exports
 * @property {Messages} messages
 * @property {Model} [model]
 * @property {Tensors} [tensors]
 */

/** @typedef {{ predict(images: object): Float32Array }} Tensors */

/**
 * @typedef {object} Messages
 * @property {() => Description} describe
 * @property {(requests: Request[]) => ({ tag: "ok", val: Reply } | { tag: "err", val: Refusal })[]} classify
 */

/**
 * @typedef {object} Model
 * @property {() => ModelInfo} describe
 * @property {(mediaType: string, file: Uint8Array, labels: string[]) => void} load
 */

/**
 * One message, as `wit/classifier.wit` has it.
 *
 * @typedef {object} Request
 * @property {string} [contentType]
 * @property {string} [accept]
 * @property {string} [prepare]
 * @property {Uint8Array} body
 */

/**
 * @typedef {object} Reply
 * @property {string} contentType
 * @property {number} images
 * @property {{ code: string, detail: string }[]} warnings
 * @property {Uint8Array} body
 */

/** @typedef {{ tag: "reject" | "retry" | "fatal", val: { code: string, detail: string } }} Refusal */

/**
 * What a component says of its model file.
 *
 * @typedef {object} ModelInfo
 * @property {string} sha256
 * @property {string} scores
 * @property {string[]} accepts
 */

/**
 * @typedef {object} Description
 * @property {string} name
 * @property {string} version
 * @property {ModelInfo} [model] None where the component takes no model file.
 * @property {boolean} hasTensors Whether it takes pixels without a format around them.
 * @property {number} height
 * @property {number} width
 * @property {number} channels
 * @property {string[]} labels
 * @property {number} maxImages
 * @property {string[]} accepts
 * @property {string[]} produces
 */

const words = new Words();
/** @type {Exports} */
let guest;

serve(
  self,
  {
    /**
     * @param {string} script Where the module is that links the core modules.
     * @param {WebAssembly.Module[]} modules
     * @returns {Promise<Description>}
     */
    async start(script, modules) {
      forbid();
      const { instantiate } = await import(/* a URL that is known only now */ script);
      /** @param {string} name `component.core.wasm`, `component.core2.wasm`, ... */
      const module = name => modules[Number(name.match(/core(\d*)\.wasm$/)?.[1] || 1) - 1];
      const instance = await instantiate(module, wasi(words));
      const found = (/** @type {string} */ name) => instance[chosen(name, VERSION, Object.keys(instance)) ?? ""];
      guest = { messages: found("messages"), model: found("model"), tensors: found("tensors") };
      return describe();
    },

    /**
     * @param {Uint8Array} onnx
     * @param {string[]} labels None: as the model says.
     */
    load(onnx, labels) {
      if (!guest.model) {
        const detail = "the component takes no model file: choose another component, or use this one as it is";
        throw /** @type {Refusal} */ ({ tag: "reject", val: { code: "unsupported-model", detail } });
      }
      guest.model.load("application/onnx", onnx, labels);
      return describe();
    },

    /**
     * @param {Request} request
     * @returns {{ reply: Reply, took: number }} `took` in milliseconds, within the component.
     */
    classify(request) {
      const start = performance.now();
      const results = guest.messages.classify([request]);
      const took = performance.now() - start;
      if (results.length !== 1) {
        throw new Error(`the component gave ${results.length} results for one message`);
      }
      const [result] = results;
      if (result.tag === "err") {
        throw result.val;
      }
      return { reply: result.val, took };
    },

    /**
     * @param {number} count
     * @param {Uint8Array} pixels
     * @returns {{ probabilities: Float32Array, took: number }} `took` in milliseconds, within the component.
     */
    predict(count, pixels) {
      const start = performance.now();
      const probabilities = /** @type {Tensors} */ (guest.tensors).predict({
        count,
        pixels: { tag: "u8s", val: pixels },
      });
      return { probabilities, took: performance.now() - start };
    },
  },
  error => refusal(error) ?? fall(error),
);

/** @returns {Description} */
function describe() {
  return { ...guest.messages.describe(), model: guest.model?.describe(), hasTensors: guest.tensors !== undefined };
}

/** Takes from this worker what reaches others, or is still there when it has ended. No component needs any of it. */
function forbid() {
  const names = ["fetch", "XMLHttpRequest", "WebSocket", "WebTransport", "EventSource", "BroadcastChannel", "Worker"];
  names.push("SharedWorker", "importScripts", "caches", "indexedDB", "navigator", "cookieStore");
  for (const name of names) {
    for (let owner = globalThis; owner; owner = Object.getPrototypeOf(owner)) {
      Reflect.deleteProperty(owner, name);
    }
  }
}

/**
 * A refusal of the contract's own kind.
 *
 * @param {any} error
 */
function refusal(error) {
  if (["reject", "retry", "fatal"].includes(error?.tag) && typeof error.val?.code === "string") {
    return { kind: error.tag, message: text(`${error.val.code}: ${error.val.detail}`) };
  }
  return undefined;
}

/**
 * Everything else is a trap: the instance is not to be called again.
 *
 * @param {any} error
 */
function fall(error) {
  const said = words.take();
  return { kind: "trap", message: text(`${error?.message ?? error}${said && `; it said: ${said}`}`) };
}
