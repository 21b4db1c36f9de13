// A photograph of 12 megapixels: the page answers whoever uses it while the picture is in work, since that is elsewhere.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { png } from "./png.js";
import { answered, choose, isInView, pageTest, SCREENS, scratch, site, text, untilText } from "./support.js";

const served = site();
const folder = scratch();
const [WIDTH, HEIGHT] = [4000, 3000];

/** A light picture with something dark in its middle. */
const photograph = png(WIDTH, HEIGHT, (x, y) =>
  Math.abs(x - WIDTH / 2) < 600 && Math.abs(y - HEIGHT / 2) < 900 ? [40, 50, 60] : [240, 235, 230],
);

/**
 * Before the page's scripts: what its own thread does to pixels is counted, and calls to the workers wait until they are let
 * go on.
 */
const WATCH = `
  globalThis.pixels = 0;
  globalThis.held = [];
  globalThis.holds = false;
  for (const Context of [CanvasRenderingContext2D, OffscreenCanvasRenderingContext2D]) {
    const { getImageData } = Context.prototype;
    Context.prototype.getImageData = function (x, y, width, height, ...rest) {
      globalThis.pixels += width * height;
      return getImageData.call(this, x, y, width, height, ...rest);
    };
  }
  globalThis.createImageBitmap = () => {
    throw new Error("decoded on the page's thread");
  };
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (...args) {
    const post = () => postMessage.apply(this, args);
    if (globalThis.holds) {
      globalThis.held.push(post);
    } else {
      post();
    }
  };
  globalThis.letGo = () => {
    globalThis.holds = false;
    for (const post of globalThis.held.splice(0)) {
      post();
    }
  };`;

for (const screen of SCREENS) {
  pageTest(
    served,
    `while a picture of 12 megapixels is in work the page says so and answers clicks, ${screen.width} pixels wide`,
    async page => {
      await page.setViewport(screen);
      const path = join(folder(), "photograph.png");
      await writeFile(path, photograph);
      await page.evaluate(() => {
        /** @type {any} */ (globalThis).holds = true;
      });
      await choose(page, "#file", path);
      await untilText(page, "#status", /^Reading photograph\.png, \d+\.\d [KM]B$/);
      await page.waitForFunction(() => /** @type {any} */ (globalThis).held.length === 2);
      await page.waitForFunction(
        () => getComputedStyle(/** @type {Element} */ (document.querySelector(".working"))).visibility === "visible",
      );
      // The two calls are the component's and the one that prepares the picture: nothing of it is done here.
      await page.click("#tab-draw");
      assert.equal(await page.$eval("#tab-draw", tab => tab.getAttribute("aria-selected")), "true");
      assert.equal(await text(page, ".card .name"), "Test image 1");
      await page.evaluate(() => /** @type {any} */ (globalThis).letGo());
      await answered(page, "photograph.png");
      assert.ok(await isInView(page, ".card .answer"));
      assert.match(await text(page, ".card .steps li"), /^The picture, 4000 × 3000$/);
      assert.equal(await page.$eval("#tab-draw", tab => tab.getAttribute("aria-selected")), "true");
      assert.equal(await page.evaluate(() => /** @type {any} */ (globalThis).pixels), 0);
    },
    { setUp: page => page.evaluateOnNewDocument(WATCH) },
  );
}
