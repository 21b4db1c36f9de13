// Calls across the border of a worker: functions there, promises here. Progress comes back while a call goes on.

import { messageOf } from "../error.js";

/**
 * What went wrong on the other side.
 *
 * @typedef {object} Failure
 * @property {string} kind
 * @property {string} message
 */

/** A call that failed. `kind` is "reject", "retry", "fatal" or "trap" of a guest, "timeout", or "error". */
export class CallError extends Error {
  /** @param {Failure} failure */
  constructor({ kind, message }) {
    super(message);
    this.kind = kind;
  }
}

/**
 * Answers calls with what `functions` return. Each is called with the arguments of the call and, last, a function that
 * tells of progress.
 *
 * @param {any} worker The global object of a worker.
 * @param {Record<string, (...args: any[]) => unknown>} functions
 * @param {(error: unknown) => Failure} [failure] What to tell of an error.
 */
export function serve(worker, functions, failure = error => ({ kind: "error", message: messageOf(error) })) {
  worker.addEventListener("message", async (/** @type {MessageEvent} */ { data: { id, name, args } }) => {
    const progress = (/** @type {unknown[]} */ ...values) => worker.postMessage({ id, progress: values });
    try {
      worker.postMessage({ id, value: await functions[name](...args, progress) });
    } catch (error) {
      worker.postMessage({ id, failure: failure(error) });
    }
  });
}

/** Calls functions of a worker. */
export class Calls {
  #worker;
  #next = 0;
  /** @type {Failure | undefined} */
  #ended;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void, progress?: Function }>} */
  #open = new Map();

  /** @param {Worker} worker */
  constructor(worker) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data: { id, value, failure, progress } }) => {
      const call = this.#open.get(id);
      if (progress) {
        call?.progress?.(...progress);
        return;
      }
      this.#open.delete(id);
      if (failure) {
        call?.reject(new CallError(failure));
      } else {
        call?.resolve(value);
      }
    });
    worker.addEventListener("error", event => {
      event.preventDefault();
      this.end({
        kind: "error",
        message:
          event.message || "a script of the page cannot be loaded: is the server still running? Load the page again",
      });
    });
  }

  /** Whether the worker was ended, by whatever: every call fails from then on. */
  get hasEnded() {
    return this.#ended !== undefined;
  }

  /**
   * @param {string} name
   * @param {unknown[]} args
   * @param {{ progress?: Function, timeout?: number, transfer?: Transferable[] }} [options] `timeout` in milliseconds;
   *   when it is over, the worker is ended with all its calls. What is in `transfer` moves to the worker and is not copied.
   * @returns {Promise<any>}
   * @throws {CallError}
   */
  call(name, args, { progress, timeout, transfer = [] } = {}) {
    if (this.#ended) {
      return Promise.reject(new CallError(this.#ended));
    }
    const id = this.#next++;
    const promise = new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject, progress });
      this.#worker.postMessage({ id, name, args }, transfer);
    });
    if (timeout === undefined) {
      return promise;
    }
    const seconds = `${timeout / 1000} s`;
    const late = setTimeout(() => this.end({ kind: "timeout", message: `no answer within ${seconds}` }), timeout);
    return promise.finally(() => clearTimeout(late));
  }

  /**
   * Ends the worker; calls that wait for it fail.
   *
   * @param {Failure} [failure]
   */
  end(failure = { kind: "error", message: "the worker was ended" }) {
    this.#worker.terminate();
    this.#ended = failure;
    for (const { reject } of this.#open.values()) {
      reject(new CallError(failure));
    }
    this.#open.clear();
  }
}
