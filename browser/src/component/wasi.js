// What a guest is given in a browser: the interfaces that the host gives it, with nothing behind them. Clocks run, random
// numbers come, and what it writes is kept as its own words; there are no files, no environment and no network.

import { createCli } from "@bytecodealliance/preview2-shim/cli";
import { monotonicClock, wallClock } from "@bytecodealliance/preview2-shim/clocks";
import { types } from "@bytecodealliance/preview2-shim/filesystem";
import { error, poll, streams } from "@bytecodealliance/preview2-shim/io";
import { insecure, insecureSeed, random } from "@bytecodealliance/preview2-shim/random";

/** How much of a guest's words is kept, in characters. */
const WORDS = 4096;

/** What a guest has written, the latest of it. */
export class Words {
  #text = "";
  #decoder = new TextDecoder();

  /** @param {Uint8Array} bytes */
  add(bytes) {
    this.#text = (this.#text + this.#decoder.decode(bytes, { stream: true })).slice(-WORDS);
  }

  /** What came since this was last asked. */
  take() {
    const text = this.#text.trim();
    this.#text = "";
    return text;
  }
}

/**
 * The imports of a component, under the names that jco asks for.
 *
 * @param {Words} words Takes what the guest writes to stdout and stderr.
 * @returns {Record<string, object>}
 */
export function wasi(words) {
  const stream = { write: (/** @type {Uint8Array} */ bytes) => words.add(bytes), blockingFlush() {} };
  const cli = createCli({ stdout: stream, stderr: stream });
  return {
    "wasi:cli/environment": cli.environment,
    "wasi:cli/exit": cli.exit,
    "wasi:cli/stderr": cli.stderr,
    "wasi:cli/stdin": cli.stdin,
    "wasi:cli/stdout": cli.stdout,
    "wasi:cli/terminal-input": cli.terminalInput,
    "wasi:cli/terminal-output": cli.terminalOutput,
    "wasi:cli/terminal-stderr": cli.terminalStderr,
    "wasi:cli/terminal-stdin": cli.terminalStdin,
    "wasi:cli/terminal-stdout": cli.terminalStdout,
    "wasi:clocks/monotonic-clock": monotonicClock,
    "wasi:clocks/wall-clock": wallClock,
    // No folder, and so no file.
    "wasi:filesystem/preopens": { getDirectories: () => [] },
    "wasi:filesystem/types": types,
    "wasi:io/error": error,
    "wasi:io/poll": poll,
    "wasi:io/streams": streams,
    "wasi:random/insecure": insecure,
    "wasi:random/insecure-seed": insecureSeed,
    "wasi:random/random": random,
  };
}
