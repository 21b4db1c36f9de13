import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { externalised } from "../external.js";
import { at, choose, files, hand, host, pageTest, runGallery, SCREENS, site, text, untilText } from "./support.js";

const served = site();
const LARGE = at("models/fashion-large.onnx");
const CENTROID = at("target/component/centroid.wasm");
const PUPPET = at("target/component/puppet.wasm");

const file = files();

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

pageTest(served, "a model that hangs is cancelled, and a file of another kind cancels nothing", async page => {
  await choose(page, ".card .wasm", PUPPET);
  await untilText(page, ".card .component", /^puppet\.wasm/);
  await choose(page, ".card .onnx", await file("loop.onnx", "puppet-model:loop"));
  await untilText(page, ".card .starting", /^Starting loop\.onnx/);
  await choose(page, ".card .onnx", await file("notes.txt", "hello\n"));
  await untilText(page, ".card .alert", /^'notes\.txt' is text/);
  await untilText(page, ".card .starting", /^Starting loop\.onnx/);
  await page.click(".card .cancel");
  await page.waitForSelector(".card .starting", { hidden: true });
  await choose(page, ".card .onnx", await file("named.onnx", "puppet-model:named:other"));
  await untilText(page, ".card h3", /^other$/);
});

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
    await untilText(page, ".card .alert", message);
    assert.equal(await text(page, ".card h3"), "fashion-small");
  }
  await page.click("#samples button:nth-child(3)");
  await untilText(page, ".card .answer", /^Trouser/);
  assert.equal(await page.$eval(".card .alert", alert => /** @type {HTMLElement} */ (alert).hidden), true);
});

for (const screen of SCREENS) {
  pageTest(
    served,
    `the models that come with the page are there to choose from, ${screen.width} pixels wide`,
    async page => {
      await page.setViewport(screen);
      /** @type {string[]} */
      const asked = [];
      page.on("request", request => asked.push(request.url()));
      assert.deepEqual(
        await page.$$eval(".card .bundled option", options => options.map(option => option.textContent)),
        [
          "fashion-small: 94.04 % right, 0.3 MB",
          "fashion-small-int8: 94.03 % right, 0.2 MB",
          "fashion-large: 95.14 % right, 2.3 MB",
        ],
      );
      for (const [chosen, name] of [
        ["fashion-large", "fashion-large"],
        ["fashion-small-int8", "fashion-small-int8"],
        ["", "fashion-small"],
      ]) {
        await page.select(".card .bundled", chosen);
        await untilText(page, ".card h3", new RegExp(`^${name}$`));
        await untilText(page, ".card .answer", /^Ankle boot/);
        const file = await readFile(at(`models/${name}.onnx`));
        assert.equal(await text(page, ".card .model-digest"), createHash("sha256").update(file).digest("hex"));
        assert.equal(
          await page.$eval(".card .bundled", choice => /** @type {HTMLSelectElement} */ (choice).value),
          chosen,
        );
      }
      const models = asked.filter(url => url.endsWith(".onnx")).map(url => url.split("/").at(-1));
      assert.deepEqual(models, ["fashion-large.onnx", "fashion-small-int8.onnx"], "each is loaded when it is chosen");
    },
  );
}

pageTest(served, "a model that the component refuses is not what is chosen then", async page => {
  await choose(page, ".card .wasm", CENTROID);
  await untilText(page, ".card .component", /^centroid\.wasm/);
  await page.select(".card .bundled", "fashion-large");
  await untilText(page, ".card .alert", /^'fashion-large' is refused by the component: unsupported-model/);
  assert.equal(await page.$eval(".card .bundled", choice => /** @type {HTMLSelectElement} */ (choice).value), "");
});

pageTest(served, "the classes of a model without labels are named, in the page or by a file", async page => {
  await page.waitForSelector(".card .naming", { hidden: true });
  await choose(page, ".card .onnx", at("models/golden/variants/ten-sigmoids.onnx"));
  await untilText(page, ".card h3", /^ten-sigmoids$/);
  await choose(page, ".card .labels-file", at("models/labels.txt"));
  await untilText(page, ".card .answer", /^[A-Z][a-z]/);
  const before = await text(page, ".card .answer");
  await page.click(".card .naming summary");
  await page.$eval(".card .labels", area => {
    /** @type {HTMLTextAreaElement} */ (area).value = "0 1 2 3 4 5 6 7 8 9"
      .replaceAll(/\d/g, "class-$&")
      .replaceAll(" ", "\n");
  });
  await page.click(".card .use-labels");
  await untilText(page, ".card .answer", /^class-\d, /);
  assert.notEqual(await text(page, ".card .answer"), before);
  await choose(page, ".card .labels-file", await file("two.txt", "cat\ndog\n"));
  await untilText(page, ".card .alert", /^'ten-sigmoids\.onnx' is refused by the component: .*the labels given/);
  await untilText(page, ".card .answer", /^class-\d, /);
  await choose(page, ".card .labels-file", await file("none.txt", "\n"));
  await untilText(page, ".card .alert", /^No labels: the list is empty/);
});

pageTest(
  served,
  "of a model with two outputs one is chosen, and the host's choice of it is the same model",
  async page => {
    const path = at("models/golden/variants/two-outputs.onnx");
    await choose(page, ".card .onnx", path);
    await untilText(page, ".card .outputs .what", /^'two-outputs\.onnx' has 2 outputs\. Which one/);
    assert.equal(await text(page, ".card h3"), "fashion-small");
    // The engine lacks an operator that the other one needs.
    await page.select(".card .outputs select", "others");
    await page.click(".card .outputs button");
    await untilText(page, ".card .alert", /^'two-outputs\.onnx' is refused by the component: .*Unique/);
    await choose(page, ".card .onnx", path);
    await page.waitForSelector(".card .outputs", { visible: true });
    await page.select(".card .outputs select", "answers");
    await page.click(".card .outputs button");
    await untilText(page, ".card h3", /^two-outputs$/);
    await page.waitForSelector(".card .outputs", { hidden: true });
    const { digest } = await host("inspect", path, "--model-output", "answers");
    assert.equal(await text(page, ".card .model-digest"), digest);
  },
);

pageTest(served, "a model comes together with the file of its weights", async page => {
  const { model, data } = externalised(await readFile(at("models/fashion-small-int8.onnx")), "m.onnx.data");
  const [onnx, weights] = [await file("m.onnx", model), await file("m.onnx.data", data)];
  await choose(page, ".card .onnx", onnx);
  await untilText(page, ".card .alert", /the weights of the model are in 'm\.onnx\.data': choose or drop both/);
  await choose(page, "#file", onnx, weights);
  await untilText(page, ".card h3", /^fashion-small-int8$/);
  assert.equal(
    await text(page, ".card .model-digest"),
    (await host("inspect", onnx)).digest,
    "the host joins them alike",
  );
  await untilText(page, ".card .answer", /^Ankle boot/);
});
