import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { at, choose, files, host, pageTest, runGallery, site, text, untilText } from "./support.js";

const served = site();
const LARGE = at("models/fashion-large.onnx");
const BRIGHTNESS = at("target/component/brightness.wasm");
const CENTROID = at("target/component/centroid.wasm");
const PUPPET = at("target/component/puppet.wasm");

const file = files();

pageTest(served, "another component is transpiled in the page and answers", async page => {
  await choose(page, ".card .wasm", CENTROID);
  await untilText(page, ".card .component", /^centroid\.wasm/);
  const { digest, description } = await host("inspect", CENTROID);
  assert.equal(await text(page, ".card .digest"), digest);
  assert.equal(await text(page, ".card h3"), description.name);
  await untilText(page, ".card .answer", /%$/);
  await runGallery(page);
  const { accuracy } = await host("demo", "--component", CENTROID);
  assert.equal(await text(page, ".card .accuracy"), `${(100 * accuracy).toFixed(2)} %`);
});

pageTest(served, "a component that exports no more than it has to answers, and is given no model", async page => {
  await choose(page, ".card .wasm", BRIGHTNESS);
  await untilText(page, ".card .component", /^brightness\.wasm/);
  await untilText(page, ".card .answer", /^(dark|bright)/);
  assert.equal(await text(page, ".card .model-digest"), "none");
  await choose(page, ".card .onnx", LARGE);
  await untilText(page, ".card .alert", /^'fashion-large\.onnx' is refused by the component: .* takes no model file/);
  assert.equal(await text(page, ".card h3"), "brightness");
});

pageTest(
  served,
  "a file that is no classifier is refused by name, and the component that is there goes on",
  async page => {
    const before = await text(page, ".card .answer");
    for (const [path, message] of /** @type {[string, RegExp][]} */ ([
      [await file("empty.wasm", ""), /^'empty\.wasm' is empty, and a WebAssembly component/],
      [await file("notes.wasm", "hello\n"), /^'notes\.wasm' is text, and a WebAssembly component/],
      [await file("module.wasm", Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])), /is a core WebAssembly module/],
      [
        await file("other.wasm", Uint8Array.from([0, 0x61, 0x73, 0x6d, 13, 0, 1, 0])),
        /'other\.wasm' is a component, but no classifier/,
      ],
      [await file("half.wasm", (await readFile(CENTROID)).subarray(0, 50_000)), /'half\.wasm' is a damaged component/],
    ])) {
      await choose(page, ".card .wasm", path);
      await untilText(page, ".card .alert", message);
    }
    assert.equal(await text(page, ".card .answer"), before);
  },
);

pageTest(served, "a guest that crashes or breaks the contract costs its call, and the page goes on", async page => {
  await choose(page, ".card .wasm", PUPPET);
  await untilText(page, ".card .component", /^puppet\.wasm/);
  for (const [command, message] of /** @type {[string, RegExp][]} */ ([
    ["panic", /^the component crashed on 'panic\.onnx': .*it said: .*the puppet was told to panic/s],
    ["exit:1", /^the component crashed on 'exit\.onnx'/],
    ["reject:no-good:not today", /^'reject\.onnx' is refused by the component: no-good: not today/],
  ])) {
    await choose(
      page,
      ".card .onnx",
      await file(`${command.split(":")[0]}.onnx`, `\x08puppet-model:${command}`.slice(1)),
    );
    await untilText(page, ".card .alert", message);
  }
  await page.click(".card .reset");
  await untilText(page, ".card .answer", /^Ankle boot/);
});
