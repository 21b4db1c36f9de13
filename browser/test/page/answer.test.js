// The answer: seen at once, beside what the picture is, with a line on what the page does that is never old.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import {
  answered,
  at,
  choose,
  hand,
  isInView,
  pageTest,
  runGallery,
  SCREENS,
  site,
  text,
  untilText,
} from "./support.js";

/** @typedef {import("./support.js").Page} Page */

const served = site();
const SHIRT = "#samples button:nth-child(41)";

/** Every way to bring a picture, and what it is called then. @type {[string, string, (page: Page) => Promise<unknown>][]} */
const WAYS = [
  ["a test image", "Test image 41", page => page.click(SHIRT)],
  ["a file that is chosen", "png-grey", page => choose(page, "#file", at("wit/corpus/files/png-grey"))],
  [
    "a file that is dropped",
    "shoe.png",
    async page => hand(page, "drop", "shoe.png", await readFile(at("wit/corpus/files/png-grey"))),
  ],
  [
    "a drawing",
    "Drawing",
    async page => {
      await page.click("#tab-draw");
      await page.click("#drawing");
    },
  ],
  [
    "the camera",
    "Camera",
    async page => {
      await page.click("#tab-camera");
      await page.click("#camera-start");
    },
  ],
];

for (const screen of SCREENS) {
  const size = `${screen.width} pixels wide`;

  pageTest(served, `what the page is, one action, examples and an answer are seen at once, ${size}`, async page => {
    await page.setViewport(screen);
    assert.match(await text(page, "header p"), /^An image classifier in a WebAssembly sandbox, in your browser/);
    assert.equal(await page.$$eval("#picture-view .main", actions => actions.length), 1);
    for (const part of ["h1", "header p", ".action .main", "#samples button", ".card .answer", ".card .verdict"]) {
      assert.ok(await isInView(page, part), part);
    }
  });

  for (const [what, name, bring] of WAYS) {
    pageTest(served, `the answer to ${what} is seen without scrolling, ${size}`, async page => {
      await page.setViewport(screen);
      await bring(page);
      await answered(page, name);
      assert.ok(await isInView(page, ".card .answer"));
      assert.match(await text(page, ".card .answer"), /, \d+\.\d%$/);
      assert.equal(await page.evaluate(() => scrollY), 0);
    });
  }

  pageTest(served, `what a test image is stands beside what it was taken for, right or wrong, ${size}`, async page => {
    await page.setViewport(screen);
    await page.click(SHIRT);
    await answered(page, "Test image 41");
    const right = await text(page, ".card .verdict");
    assert.match(right, /^✓ right: true: Shirt, predicted: Shirt$/);
    assert.ok(await isInView(page, ".card .verdict"));
    await runGallery(page);
    await page.click(".matrix tbody tr:nth-child(7) td:nth-child(2) button");
    await page.click("#cell-images button");
    await untilText(page, ".card .verdict", /^✗ wrong: true: Shirt, predicted: T-shirt\/top$/);
    assert.ok(await isInView(page, ".card .verdict"));
    await choose(page, "#file", at("wit/corpus/files/png-grey"));
    await answered(page, "png-grey");
    await page.waitForSelector(".card .verdict", { hidden: true });
  });
}

pageTest(served, "of a model with other classes nobody says that it is right or wrong", async page => {
  await choose(page, ".card .onnx", at("models/golden/variants/ten-sigmoids.onnx"));
  await untilText(page, ".card h3", /^ten-sigmoids$/);
  await untilText(page, ".card .verdict", /^true: Ankle boot, predicted: \d$/);
});

pageTest(
  served,
  "the status says what is done, and nothing of it is left after another action or an error",
  async page => {
    const status = () => page.$eval("#status", element => element.textContent);
    await page.click(SHIRT);
    await untilText(page, "#status", /^Classified: Test image 41$/);
    await hand(page, "drop", "notes.txt", new TextEncoder().encode("hello\n"));
    await untilText(page, "#problem", /notes\.txt/);
    assert.equal(await status(), "");
    await page.click(SHIRT);
    await untilText(page, "#status", /^Classified: Test image 41$/);
    await page.click("#tab-camera");
    await page.click("#camera-start");
    await untilText(page, "#status", /^Classifying the camera's pictures$/);
    await page.click("#camera-stop");
    await page.waitForFunction(() => document.querySelector("#status")?.textContent === "");
    await runGallery(page);
    await untilText(page, "#gallery-status", /^fashion-small: 94\.\d\d % of 10,000 right$/);
    await page.select(".card .bundled", "fashion-small-int8");
    await untilText(page, ".card h3", /^fashion-small-int8$/);
    assert.equal(await page.$eval("#gallery-status", element => element.textContent), "");
  },
);
