import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { at, choose, hand, host, pageTest, runGallery, site, text, untilText } from "./support.js";

const served = site();
const LARGE = at("models/fashion-large.onnx");
const CENTROID = at("target/component/centroid.wasm");
const PUPPET = at("target/component/puppet.wasm");

/** @type {string} */
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "browser-"));
});
after(() => rm(folder, { recursive: true }));

/**
 * @param {string} name
 * @param {string | Uint8Array} content
 */
async function file(name, content) {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

pageTest(served, "another ONNX model takes the place of the built-in one, and goes again", async page => {
  await choose(page, ".card .onnx", LARGE);
  await untilText(page, ".card h3", /^fashion-large$/);
  assert.equal(await text(page, ".card .digest"), (await host("inspect")).digest);
  const sha256 = createHash("sha256")
    .update(await readFile(LARGE))
    .digest("hex");
  assert.equal(await text(page, ".card .model-digest"), sha256);
  await untilText(page, ".card .answer", /^Ankle boot/);
  await page.click(".card .reset");
  await untilText(page, ".card h3", /^fashion-small$/);
  await page.waitForSelector(".card .reset", { hidden: true });
});

pageTest(served, "a model without labels answers with class numbers, and of one output with two", async page => {
  for (const [name, classes] of /** @type {const} */ ([
    ["ten-sigmoids", /^\d, \d/],
    ["one-sigmoid", /^[01], \d/],
  ])) {
    await choose(page, ".card .onnx", at(`models/golden/variants/${name}.onnx`));
    await untilText(page, ".card h3", new RegExp(`^${name}$`));
    await untilText(page, ".card .answer", classes);
    assert.match(await text(page, ".card .takes"), /from 0 to 1 that do not sum to 1|one probability p/);
  }
});

pageTest(served, "two models answer side by side, on one picture and on all test images", async page => {
  await page.click("#compare");
  await untilText(page, ".card:nth-child(2) h3", /^fashion-small$/);
  await choose(page, ".card:nth-child(2) .onnx", at("models/fashion-small-int8.onnx"));
  await untilText(page, ".card:nth-child(2) h3", /^fashion-small-int8$/);
  await page.click("#samples button:nth-child(2)");
  await untilText(page, ".card:nth-child(1) .answer", /^Pullover/);
  await untilText(page, ".card:nth-child(2) .answer", /^Pullover/);
  await runGallery(page);
  const [first, second] = await Promise.all([
    host("evaluate"),
    host("evaluate", "--model", at("models/fashion-small-int8.onnx")),
  ]);
  assert.equal(await text(page, ".card:nth-child(1) .accuracy"), `${(100 * first.accuracy).toFixed(2)} %`);
  assert.equal(await text(page, ".card:nth-child(2) .accuracy"), `${(100 * second.accuracy).toFixed(2)} %`);
  await page.click(".card:nth-child(2) .remove");
  assert.equal(await page.$$eval(".card", cards => cards.length), 1);
  await page.waitForSelector("#compare", { visible: true });
});

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

pageTest(served, "a dropped component and a dropped model go where they belong", async page => {
  await hand(page, "drop", "centroid.wasm", await readFile(CENTROID));
  await untilText(page, ".card .component", /^centroid\.wasm/);
  await page.click(".card .reset");
  await untilText(page, ".card .component", /^classifier\.wasm/);
  await hand(page, "drop", "fashion-small-int8.onnx", await readFile(at("models/fashion-small-int8.onnx")));
  await untilText(page, ".card h3", /^fashion-small-int8$/);
});

pageTest(served, "what is dropped onto the second card goes there", async page => {
  await page.click("#compare");
  await untilText(page, ".card:nth-child(2) .answer", /./);
  await hand(page, "drop", "centroid.wasm", await readFile(CENTROID), ".card:nth-child(2) .answer");
  await untilText(page, ".card:nth-child(2) .component", /^centroid\.wasm/);
  assert.match(await text(page, ".card:nth-child(1) .component"), /^classifier\.wasm/);
});

pageTest(
  served,
  "a model that hangs is given up when it is asked for, and one of another kind gives up nothing",
  async page => {
    await choose(page, ".card .wasm", PUPPET);
    await untilText(page, ".card .component", /^puppet\.wasm/);
    await choose(page, ".card .onnx", await file("loop.onnx", "puppet-model:loop"));
    await untilText(page, ".card .starting", /^Starting loop\.onnx/);
    await choose(page, ".card .onnx", await file("notes.txt", "hello\n"));
    await untilText(page, ".card > .alert", /^'notes\.txt' is text/);
    await untilText(page, ".card .starting", /^Starting loop\.onnx/);
    await page.click(".card .give-up");
    await page.waitForSelector(".card .starting", { hidden: true });
    await choose(page, ".card .onnx", await file("named.onnx", "puppet-model:named:other"));
    await untilText(page, ".card h3", /^other$/);
  },
);

pageTest(served, "a model that comes while its component is made ready waits for it", async page => {
  await choose(page, ".card .wasm", PUPPET);
  await choose(page, ".card .onnx", await file("named.onnx", "puppet-model:named:other"));
  await untilText(page, ".card h3", /^other$/);
  assert.match(await text(page, ".card .component"), /^puppet\.wasm/);
  await choose(page, ".card .onnx", await file("again.onnx", "puppet-model:named:one more"));
  await untilText(page, ".card h3", /^one more$/);
  assert.match(await text(page, ".card .component"), /^puppet\.wasm/);
});

pageTest(served, "a model that cannot be used is refused by name, and the one that is there goes on", async page => {
  const whole = await readFile(LARGE);
  for (const [path, message] of /** @type {[string, RegExp][]} */ ([
    [
      await file("half.onnx", whole.subarray(0, whole.length / 2)),
      /^'half\.onnx' is refused by the component: bad-model/,
    ],
    [await file("notes.txt", "hello\n"), /^'notes\.txt' is text, and an ONNX model is needed here/],
    [await file("empty.onnx", ""), /^'empty\.onnx' is empty/],
    [CENTROID, /^'centroid\.wasm' is a WebAssembly file, and an ONNX model/],
    [at("wit/corpus/files/png-grey"), /^'png-grey' is a picture, and an ONNX model/],
  ])) {
    await choose(page, ".card .onnx", path);
    await untilText(page, ".card > .alert", message);
    assert.equal(await text(page, ".card h3"), "fashion-small");
  }
  await page.click("#samples button:nth-child(3)");
  await untilText(page, ".card .answer", /^Trouser/);
  assert.equal(await page.$eval(".card > .alert", alert => /** @type {HTMLElement} */ (alert).hidden), true);
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
      await untilText(page, ".card > .alert", message);
    }
    assert.equal(await text(page, ".card .answer"), before);
  },
);

pageTest(served, "a guest that falls or breaks the contract costs its call, and the page goes on", async page => {
  await choose(page, ".card .wasm", PUPPET);
  await untilText(page, ".card .component", /^puppet\.wasm/);
  for (const [command, message] of /** @type {[string, RegExp][]} */ ([
    ["panic", /^the component fell over 'panic\.onnx': .*it said: .*the puppet was told to panic/s],
    ["exit:1", /^the component fell over 'exit\.onnx'/],
    ["reject:no-good:not today", /^'reject\.onnx' is refused by the component: no-good: not today/],
  ])) {
    await choose(
      page,
      ".card .onnx",
      await file(`${command.split(":")[0]}.onnx`, `\x08puppet-model:${command}`.slice(1)),
    );
    await untilText(page, ".card > .alert", message);
  }
  await page.click(".card .reset");
  await untilText(page, ".card .answer", /^Ankle boot/);
});
