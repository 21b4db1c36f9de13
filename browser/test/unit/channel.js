// A worker that is none: two ends of one channel, in one thread.

import { serve } from "../../src/component/calls.js";

/**
 * @param {Record<string, (...args: any[]) => unknown>} functions
 * @param {(error: any) => import("../../src/component/calls.js").Failure} [failure]
 * @returns {any} What `Calls` wants of a worker.
 */
export function channel(functions, failure) {
  const { port1, port2 } = new MessageChannel();
  port1.start();
  port2.start();
  serve(port2, functions, failure);
  return Object.assign(port1, { terminate: () => port1.close() });
}
