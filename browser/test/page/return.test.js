// From the gallery to one of its pictures and back: each view is where it should be.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { answered, at, hand, isInView, pageTest, runGallery, SCREENS, site, text, untilText } from "./support.js";

const served = site();

for (const screen of SCREENS) {
  const size = `${screen.width} pixels wide`;

  pageTest(
    served,
    `a click in the gallery shows the picture from its top, and Back the gallery where it was, ${size}`,
    async page => {
      await page.setViewport(screen);
      await page.click("#tab-draw");
      await runGallery(page);
      await page.click(".matrix tbody tr:nth-child(7) td:nth-child(2) button");
      const title = await text(page, "#cell-title");
      const image = await page.waitForSelector("#cell-images button:nth-child(5)");
      await image?.scrollIntoView();
      const name = await page.$eval("#cell-images button:nth-child(5)", button => button.getAttribute("aria-label"));
      const top = await page.evaluate(() => scrollY);
      assert.ok(top > 0);
      await page.click("#cell-images button:nth-child(5)");
      await answered(page, String(name).split(",")[0]);
      assert.equal(await page.evaluate(() => scrollY), 0);
      assert.ok(await isInView(page, ".card .answer"));
      assert.equal(await page.$eval("#tab-samples", tab => tab.getAttribute("aria-selected")), "true");
      await page.waitForSelector("#panel-samples", { visible: true });
      await page.waitForSelector("#panel-draw", { hidden: true });
      await page.goBack();
      await page.waitForSelector("#gallery-view", { visible: true });
      assert.equal(await page.evaluate(() => scrollY), top);
      assert.equal(await text(page, "#cell-title"), title);
      assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), name);
      await page.goForward();
      await page.waitForSelector("#picture-view", { visible: true });
      assert.equal(await page.evaluate(() => scrollY), 0);
    },
  );

  pageTest(served, `a file that is dropped into the gallery is shown where files are, ${size}`, async page => {
    await page.setViewport(screen);
    await runGallery(page);
    await hand(page, "drop", "shoe.png", await readFile(at("wit/corpus/files/png-grey")));
    await answered(page, "shoe.png");
    assert.equal(await page.$eval("#tab-file", tab => tab.getAttribute("aria-selected")), "true");
    assert.ok(await isInView(page, ".card .answer"));
    assert.equal(await page.$$eval("#samples button[aria-pressed=true]", buttons => buttons.length), 0);
  });
}

pageTest(
  served,
  "the link to the content leaves the view that is there, and a page that is opened with it has one",
  async page => {
    await page.click('nav a[href="#gallery"]');
    await page.waitForSelector("#gallery-view", { visible: true });
    await page.focus(".skip");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#gallery-view", { visible: true });
    await page.reload();
    await untilText(page, ".card .component", /./);
    await page.waitForSelector("#picture-view", { visible: true });
    assert.equal(await page.$eval("#unsupported", element => /** @type {HTMLElement} */ (element).hidden), true);
  },
);
