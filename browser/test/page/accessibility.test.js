import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { pageTest, runGallery, site, untilText } from "./support.js";

const served = site();
const AXE = fileURLToPath(import.meta.resolve("axe-core/axe.min.js"));

/** @typedef {import("./support.js").Page} Page */

/** @type {[string, (page: Page) => Promise<unknown>][]} */
const STATES = [
  ["one picture", async () => {}],
  ["a file", page => page.click("#tab-file")],
  ["a drawing", page => page.click("#tab-draw")],
  [
    "the camera",
    async page => {
      await page.click("#tab-camera");
      await page.click("#camera-start");
      await page.waitForSelector("#camera-stop", { visible: true });
    },
  ],
  [
    "two models and an error",
    async page => {
      await page.click("#compare");
      await untilText(page, ".card:nth-child(2) .answer", /./);
      await page.evaluate(() => {
        const data = new DataTransfer();
        data.items.add(new File(["hello"], "notes.txt"));
        document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
      });
      await untilText(page, "#problem", /notes\.txt/);
    },
  ],
  [
    "the gallery and a cell of it",
    async page => {
      await runGallery(page);
      await page.click(".matrix tbody tr:nth-child(7) td:nth-child(2) button");
    },
  ],
];

for (const [what, bring] of STATES) {
  pageTest(served, `axe finds nothing wrong with ${what}, light or dark`, async page => {
    await bring(page);
    // A content security policy keeps a page from being given scripts, and does not bind whoever drives the browser.
    await page.evaluate(await readFile(AXE, "utf8"));
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      const found = await page.evaluate(async () => {
        const { violations } = await /** @type {any} */ (globalThis).axe.run();
        return violations.map(
          (/** @type {any} */ { id, impact, nodes }) =>
            `${impact} ${id}: ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`,
        );
      });
      assert.deepEqual(found, [], scheme);
    }
  });
}
