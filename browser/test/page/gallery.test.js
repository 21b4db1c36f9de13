import assert from "node:assert/strict";
import { host, isInView, pageTest, runGallery, SCREENS, site, text, untilText } from "./support.js";

const served = site();
const cell = (/** @type {number} */ row, /** @type {number} */ column) =>
  `.matrix tbody tr:nth-child(${row + 1}) td:nth-child(${column + 2}) button`;
const counts = (/** @type {import("./support.js").Page} */ page) =>
  page.$$eval(".matrix tbody tr", rows =>
    rows.map(row => [...row.querySelectorAll("button")].map(button => Number(button.textContent))),
  );

pageTest(
  served,
  "the gallery runs to its end with the accuracy and the confusions that the host reports",
  async page => {
    await runGallery(page);
    const evaluated = await host("evaluate");
    assert.equal(await text(page, ".card .accuracy"), `${(100 * evaluated.accuracy).toFixed(2)} %`);
    assert.equal(await text(page, ".card .count"), "10,000");
    assert.deepEqual(await counts(page), evaluated.matrix);
    assert.match(await text(page, ".card .rate"), /^[\d,]+$/);
  },
);

pageTest(
  served,
  "while the page draws, the component has the next images, and nothing is laid out but what is drawn",
  async page => {
    const layouts = async () => (await page.metrics()).LayoutCount ?? 0;
    await page.click('nav a[href="#gallery"]');
    await page.waitForSelector("#run:not(:disabled)");
    const before = await layouts();
    await runGallery(page);
    const after = await layouts();
    /** @type {{ asked: number, counted: number }[]} */
    const draws = await page.evaluate(() => /** @type {any} */ (globalThis).draws);
    assert.ok(draws.length > 0);
    for (const { asked, counted } of draws) {
      assert.ok(asked > counted || asked === 10_000, `${asked} asked for, ${counted} counted`);
    }
    // One for what is drawn, and one for where the mouse is then.
    const most = 2 * draws.length + 10;
    assert.ok(after - before <= most, `${after - before} layouts for ${draws.length} draws`);
  },
  {
    setUp: page =>
      page.evaluateOnNewDocument(() => {
        let asked = 0;
        /** @type {{ asked: number, counted: number }[]} */
        const draws = [];
        Object.assign(globalThis, { draws });
        const post = Worker.prototype.postMessage;
        Worker.prototype.postMessage = function (/** @type {any} */ message, /** @type {any} */ moved) {
          // The picture that the page begins with is asked for before anything is drawn.
          asked += message.name === "predict" && message.args[0] > 1 ? message.args[0] : 0;
          post.call(this, message, moved);
        };
        const seen = () => {
          const counted = Number(/** @type {HTMLElement} */ (document.querySelector(".matrix"))?.dataset.count);
          draws.push({ asked, counted });
        };
        new MutationObserver(seen).observe(document, { subtree: true, attributeFilter: ["data-count"] });
      }),
  },
);

pageTest(served, "a cell shows its images, and one of them becomes the picture", async page => {
  await runGallery(page);
  const confusion = await counts(page);
  await page.click(cell(6, 0));
  await untilText(page, "#cell-title", /^Shirt, taken for T-shirt\/top by fashion-small: \d+$/);
  assert.equal(await page.$$eval("#cell-images button", buttons => buttons.length), confusion[6][0]);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await untilText(page, ".card .name", /^Test image \d+$/);
  await untilText(page, ".card .answer", /^T-shirt\/top, /);
});

pageTest(served, "arrow keys walk the matrix, and what was taken for what is said of each cell", async page => {
  await runGallery(page);
  await page.focus(cell(0, 0));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  const label = await page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  assert.match(String(label), /^Trouser taken for Trouser: \d+$/);
});

for (const screen of SCREENS) {
  pageTest(
    served,
    `the matrix is whole, and the recall of each class is there, ${screen.width} pixels wide`,
    async page => {
      await page.setViewport(screen);
      await runGallery(page);
      const matrix = await page.$eval(".scroll", place => ({ inside: place.scrollWidth, place: place.clientWidth }));
      assert.ok(matrix.inside <= matrix.place, `${matrix.inside} of ${matrix.place} pixels`);
      await page.waitForSelector(".hint", { hidden: true });
      const { matrix: confusions } = await host("evaluate");
      const recalls = await page.$$eval(".recall .value", values => values.map(value => value.textContent));
      assert.deepEqual(
        recalls,
        confusions.map((/** @type {number[]} */ row, /** @type {number} */ truth) => {
          const all = row.reduce((sum, count) => sum + count, 0);
          return `${((100 * row[truth]) / all).toFixed(1)}%`;
        }),
      );
      const [left, right] = await Promise.all(
        [".matrix", ".recall"].map(async name => (await page.$(name))?.boundingBox()),
      );
      const isBeside = Number(right?.x) >= Number(left?.x) + Number(left?.width);
      assert.equal(isBeside, screen.width === 1280, "beside the matrix where there is room");
      await page.$eval(".matrix", table => table.scrollIntoView({ block: "center" }));
      assert.ok(await isInView(page, ".matrix"));
    },
  );
}

pageTest(served, "where a matrix is wider than the screen, a hint says that it scrolls", async page => {
  await page.setViewport({ width: 320, height: 640 });
  await runGallery(page);
  await untilText(page, ".hint", /scrolls sideways/);
});

pageTest(served, "it is stopped in the middle, and begun again", async page => {
  await page.click('nav a[href="#gallery"]');
  await page.waitForSelector("#run:not(:disabled)");
  await page.click("#run");
  await page.waitForFunction(() => Number(/** @type {any} */ (document.querySelector(".matrix")).dataset.count) > 0);
  await page.click("#run");
  await untilText(page, "#run", /again/);
  const count = Number((await text(page, ".card .count")).replace(",", ""));
  assert.ok(count > 0 && count < 10_000, `${count}`);
  await page.click("#run");
  await untilText(page, ".card .count", /^10,000$/);
});

/** @type {string[]} */
const asked = [];
pageTest(
  served,
  "its images are loaded when it is opened, and not before",
  async page => {
    const isAll = (/** @type {string} */ url) => url.includes("all-images");
    assert.deepEqual(asked.filter(isAll), []);
    await page.click('nav a[href="#gallery"]');
    await page.waitForSelector("#run:not(:disabled)");
    assert.equal(asked.filter(isAll).length, 1);
  },
  { setUp: async page => page.on("request", request => asked.push(request.url())) },
);
