import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { build } from "esbuild";
import { CallError, Calls } from "../../src/component/calls.js";
import * as check from "../../src/component/check.js";
import { NoProgram, transpiled } from "../../src/component/program.js";
import { chosen, VERSION } from "../../src/component/versions.js";
import { channel } from "./channel.js";

test("a call is answered, tells of its progress, or fails with what went wrong", async () => {
  const calls = new Calls(
    channel({
      add: (one, two) => one + two,
      count: (to, progress) => {
        for (let number = 0; number < to; number++) {
          progress(number, to);
        }
        return "done";
      },
      fail: () => {
        throw new Error("not today");
      },
    }),
  );
  assert.equal(await calls.call("add", [1, 2]), 3);
  /** @type {number[][]} */
  const seen = [];
  assert.equal(
    await calls.call("count", [2], { progress: (/** @type {number[]} */ ...now) => seen.push(now) }),
    "done",
  );
  assert.deepEqual(seen, [
    [0, 2],
    [1, 2],
  ]);
  await assert.rejects(calls.call("fail", []), { kind: "error", message: "not today" });
  calls.end();
});

test("a call that takes too long ends the worker and all its calls, and those after it fail at once", async () => {
  const calls = new Calls(channel({ hang: () => new Promise(() => {}) }));
  const other = calls.call("hang", []);
  const late = calls.call("hang", [], { timeout: 20 });
  await assert.rejects(late, { kind: "timeout", message: "no answer within 0.02 s" });
  await assert.rejects(other, { kind: "timeout" });
  await assert.rejects(calls.call("hang", []), CallError);
});

const MODEL = { sha256: "0".repeat(64), scores: "as they are", accepts: ["a/b"] };

const GOOD = {
  name: "m",
  version: "1",
  height: 28,
  width: 28,
  channels: 1,
  labels: ["a", "b"],
  hasTensors: false,
  maxImages: 4,
  accepts: ["a/b"],
  produces: ["a/b"],
};

test("a description that cannot be relied on is refused by its first bad part", () => {
  assert.equal(check.description(GOOD), GOOD);
  assert.ok(check.description({ ...GOOD, model: MODEL }).model);
  /** @type {[string, object][]} */
  const bad = [
    ["name", { name: "" }],
    ["name", { name: "a\u202eb" }],
    ["version", { version: "x".repeat(257) }],
    ["model", { model: { ...MODEL, sha256: "A".repeat(64) } }],
    ["model", { model: { ...MODEL, scores: "" } }],
    ["model", { model: { ...MODEL, accepts: [] } }],
    ["height", { height: 0 }],
    ["width", { width: 65_536 }],
    ["channels", { channels: 2 }],
    ["labels", { labels: [] }],
    ["labels", { labels: ["a\n"] }],
    ["labels", { labels: ["a", "\u200b"] }],
    ["labels", { labels: ["a", " "] }],
    ["labels", { labels: ["a", "\u200db"] }],
    ["labels", { labels: ["a", "so\u00adft"] }],
    ["maxImages", { maxImages: 0 }],
    ["maxImages", { maxImages: 4_294_967_295 }],
    ["accepts", { accepts: [] }],
    ["produces", { produces: ["a/b\r\nx: y"] }],
  ];
  for (const [part, wrong] of bad) {
    assert.throws(() => check.description({ ...GOOD, ...wrong }), new RegExp(`contract: its ${part} is`));
  }
});

test("labels that look the same are refused, and those that join their letters are not", () => {
  for (const labels of [
    ["a", "b", "a"],
    ["a", "b", "a\u200d"],
    ["a", "b", " a"],
  ]) {
    assert.throws(() => check.description({ ...GOOD, labels }), /its labels 0 and 2 are both/);
  }
  const labels = ["\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u2764\ufe0f"];
  assert.deepEqual(check.description({ ...GOOD, labels }).labels, labels);
});

test("images that a page cannot make are refused", () => {
  assert.throws(() => check.description({ ...GOOD, width: 65_535, height: 65_535 }), /65535 x 65535 x 1 are too large/);
  assert.throws(() => check.description({ ...GOOD, width: 100, height: 1 }), /1 x 100 x 1 are too large or too narrow/);
});

test("a guest's text is bounded, on one line, and steers nothing", () => {
  assert.equal(check.text("bad\n\u202evalue\u0007"), "bad  value ");
  assert.equal(check.text("x".repeat(5000)).length, 1024);
  assert.equal(check.text(undefined), "undefined");
});

test("probabilities are as many as labels, finite and in all 1", () => {
  const rows = check.probabilities(Float32Array.from([0.5, 0.5, 1, 0]), 2, 2);
  assert.deepEqual(
    rows.map(row => [...row]),
    [
      [0.5, 0.5],
      [1, 0],
    ],
  );
  const refused = (/** @type {number[]} */ values) => () => check.probabilities(Float32Array.from(values), 1, 2);
  assert.throws(refused([1]), /1 values for 1 x 2/);
  assert.throws(refused([Number.NaN, 1]), /probability of NaN/);
  assert.throws(refused([-0.5, 1.5]), /probability of -0.5/);
  assert.throws(refused([0.5, 0.4]), /sum to 0.9/);
});

// In Node the imports of `wasi.js` are of another make; a bundle has the browser's.
const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("../../src/component/wasi.js", import.meta.url))],
  bundle: true,
  format: "esm",
  platform: "browser",
  write: false,
});
/** @type {typeof import("../../src/component/wasi.js")} */
const { Words, wasi } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`
);

test("behind what a guest is given there is no file, no environment and no network", () => {
  const given = /** @type {any} */ (wasi(new Words()));
  assert.deepEqual(given["wasi:filesystem/preopens"].getDirectories(), []);
  assert.deepEqual(given["wasi:cli/environment"].getEnvironment(), []);
  assert.deepEqual(given["wasi:cli/environment"].getArguments(), []);
  assert.deepEqual(
    Object.keys(given).filter(name => !/^wasi:(cli|clocks|filesystem|io|random)\//.test(name)),
    [],
  );
});

test("of a guest's words the latest are kept, once", () => {
  const words = new Words();
  const { getStderr } = /** @type {any} */ (wasi(words))["wasi:cli/stderr"];
  const stderr = getStderr();
  const write = (/** @type {string} */ text) => {
    stderr.checkWrite();
    stderr.write(new TextEncoder().encode(text));
  };
  for (let line = 0; line < 100; line++) {
    write("x".repeat(100));
  }
  write("the end\n");
  const taken = words.take();
  assert.ok(taken.length <= 4096 && taken.endsWith("xthe end"), taken.slice(-20));
  assert.equal(words.take(), "");
});

/** Calls what it imports; jco leaves out what is only named. */
const NETWORK = `(component
  (import "wasi:http/types@0.2.0" (instance $http (export "f" (func))))
  (core module $m (import "http" "f" (func $f)) (func (export "run") (call $f)))
  (core func $f (canon lower (func $http "f")))
  (core instance $i (instantiate $m (with "http" (instance (export "f" (func $f))))))
  (func (export "run") (canon lift (core func $i "run"))))`;

/**
 * A component with these exports; jco leaves out an interface without functions.
 *
 * @param {string[]} names
 */
const exporting = names => `(component
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func $run (canon lift (core func $i "run")))
  (instance $interface (export "describe" (func $run)))
  ${names.map(name => `(export "${name}" (instance $interface))`).join("\n  ")})`;

/** A name that would be run where it stands between quotes in a script. */
const INJECTION = `(component
  (core module $m (func (export "x'];globalThis.injected=1;//")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "x'];globalThis.injected=1;//"))))`;

test("a file that is no classifier's component is refused, and what it is instead is said", async () => {
  const component = async (/** @type {string} */ text) => Uint8Array.from(await parse(text));
  /** @type {[Uint8Array, RegExp][]} */
  const files = [
    [new TextEncoder().encode("hello"), /'x' is no WebAssembly component/],
    [await component("(module)"), /core WebAssembly module.*wasm32-wasip2/],
    [await component("(component)"), /does not export image-stream:classifier\/messages@0\.2\.0/],
    [
      await component(exporting(["image-stream:classifier/messages@0.1.0"])),
      /exports image-stream:classifier\/messages@0\.1\.0, a version .* does not go with this page's 0\.2\.0; build it/,
    ],
    [await component(NETWORK), /asks for wasi:http\/types: a classifier is given none of that/],
    [await component(INJECTION), /has the name 'x'\];globalThis\.injected=1;\/\/' inside, which no compiler writes/],
    [(await component("(component)")).subarray(0, 7), /is no WebAssembly component/],
    [Uint8Array.from([...(await component("(component)")), 1, 99]), /damaged component/],
  ];
  for (const [file, message] of files) {
    await assert.rejects(transpiled("x", /** @type {any} */ (file), Object.keys(wasi(new Words()))), error => {
      assert.ok(error instanceof NoProgram);
      assert.match(error.message, message);
      return true;
    });
  }
});

const WIT = await readFile(new URL("../../../wit/classifier.wit", import.meta.url), "utf8");

/** @type {{ name: string, host: string, exports: string[], chosen: string | null }[]} */
const versions = JSON.parse(await readFile(new URL("../../../wit/versions.json", import.meta.url), "utf8"));

test("page and host choose the same export of every odd pair of versions", () => {
  assert.ok(versions.length >= 10);
  for (const { name, host, exports, chosen: expected } of versions) {
    assert.equal(chosen("messages", host, exports) ?? null, expected, name);
  }
  const [, contract] = /** @type {string[]} */ (WIT.match(/^package image-stream:classifier@(.*);$/m));
  assert.equal(VERSION, contract);
});

test("a component runs or is refused as its versions say", async () => {
  for (const { name, host, exports, chosen: expected } of versions.filter(({ host }) => host === VERSION)) {
    const program = parse(exporting(exports)).then(file => transpiled("x", Uint8Array.from(file), []));
    const ran = await program.then(
      () => true,
      error => {
        assert.ok(error instanceof NoProgram, String(error));
        return false;
      },
    );
    assert.equal(ran, expected !== null, `${name}, ${host}`);
  }
});
