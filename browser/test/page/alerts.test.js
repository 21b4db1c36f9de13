// What is wrong can be put away, goes by itself with the next action, and is one message to a place.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { at, choose, hand, isInView, pageTest, SCREENS, site, text, untilText } from "./support.js";

const served = site();
const shown = (/** @type {import("./support.js").Page} */ page) =>
  page.$$eval(".alert", alerts => alerts.filter(alert => !(/** @type {HTMLElement} */ (alert).hidden)).length);
const notes = new TextEncoder().encode("hello\n");

for (const screen of SCREENS) {
  pageTest(served, `errors are closed by their button and by Escape, ${screen.width} pixels wide`, async page => {
    await page.setViewport(screen);
    await hand(page, "drop", "notes.txt", notes);
    await untilText(page, "#problem", /^No answer for notes\.txt: /);
    assert.ok(await isInView(page, "#problem"));
    await page.click("#problem .close");
    assert.equal(await shown(page), 0);
    await choose(page, ".card .onnx", at("wit/corpus/files/png-grey"));
    await untilText(page, ".card .alert", /^'png-grey' is a picture, and an ONNX model is needed here/);
    await page.click(".card .alert .close");
    assert.equal(await shown(page), 0);
    await hand(page, "drop", "notes.txt", notes);
    await untilText(page, "#problem", /notes\.txt/);
    await page.keyboard.press("Escape");
    assert.equal(await shown(page), 0);
  });

  pageTest(served, `errors do not pile up, ${screen.width} pixels wide`, async page => {
    await page.setViewport(screen);
    await page.click("#compare");
    await untilText(page, ".card:nth-child(2) .answer", /./);
    await choose(page, ".card:nth-child(2) .onnx", at("wit/corpus/files/png-grey"));
    await untilText(page, ".card:nth-child(2) .alert", /is a picture/);
    await hand(page, "drop", "one.txt", notes);
    await untilText(page, "#problem", /one\.txt/);
    assert.equal(await shown(page), 1);
    await hand(page, "drop", "two.txt", notes);
    await untilText(page, "#problem", /two\.txt/);
    assert.equal(await shown(page), 1);
    await page.click("#samples button:nth-child(3)");
    await untilText(page, ".card .answer", /^Trouser/);
    assert.equal(await shown(page), 0);
  });
}

pageTest(served, "an error is seen however far the page is scrolled", async page => {
  await page.setViewport(SCREENS[0]);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await hand(page, "drop", "notes.txt", notes);
  await untilText(page, "#problem", /notes\.txt/);
  assert.ok(await isInView(page, "#problem"));
});

pageTest(
  served,
  "where one of two models has no answer, its card says so and shows none of another picture",
  async page => {
    await page.click("#compare");
    await untilText(page, ".card:nth-child(2) .answer", /./);
    await choose(page, ".card:nth-child(2) .wasm", at("target/component/centroid.wasm"));
    await untilText(page, ".card:nth-child(2) .component", /^centroid\.wasm/);
    await untilText(page, ".card:nth-child(2) .answer", /./);
    await hand(page, "drop", "shoe.png", await readFile(at("wit/corpus/files/png-grey")));
    await untilText(page, ".card:nth-child(2) .alert", /^No answer for shoe\.png: /);
    assert.equal(await text(page, ".card:nth-child(1) .name"), "shoe.png");
    await page.waitForSelector(".card:nth-child(2) .result", { hidden: true });
  },
);
