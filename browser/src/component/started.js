// Starts a component with a model, in the build that the model needs; and what is said where that fails.

import { messageOf } from "../error.js";
import { CallError } from "./calls.js";
import { Classifier } from "./classifier.js";

/** @typedef {import("./program.js").Program} Program */

/**
 * @param {Program} program
 * @param {import("./classifier.js").Model | undefined} model None: the component's own.
 * @param {AbortSignal} signal
 * @param {(() => Promise<Program>) | undefined} larger A build with more operators, for a model that needs it.
 */
export async function started(program, model, signal, larger) {
  try {
    return await Classifier.start(program, model, signal);
  } catch (error) {
    if (!larger || !lacksOperators(error)) {
      throw error;
    }
    return await Classifier.start(await larger(), model, signal);
  }
}

/** @param {unknown} error */
function lacksOperators(error) {
  return error instanceof CallError && error.kind === "reject" && error.message.startsWith("lacks-operators:");
}

/**
 * @param {string} name Of what could not be started.
 * @param {unknown} error
 */
export function refusal(name, error) {
  const kind = error instanceof CallError ? error.kind : "error";
  const said = messageOf(error);
  return (
    {
      reject: `'${name}' is refused by the component: ${said}`,
      retry: `'${name}' could not be taken now: ${said}`,
      fatal: `the component is broken, as it says of itself: ${said}`,
      trap: `the component crashed on '${name}': ${said}`,
      timeout: `'${name}' took too long and was stopped: ${said}`,
    }[kind] ?? said
  );
}
