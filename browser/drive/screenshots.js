// The pictures in the README, into the folder that is named.

import { join } from "node:path";
import { at, choose, firstResult, launch, PATIENCE, runGallery, serve } from "./site.js";

const folder = process.argv[2];
if (!folder) {
  console.error("name the folder that the screenshots go to");
  process.exit(2);
}
const { url, stop } = await serve();
const browser = await launch();
const page = await browser.newPage();
page.setDefaultTimeout(PATIENCE);
await page.setViewport({ width: 1080, height: 800 });
// No bar is to be caught on its way.
const still = { name: "prefers-reduced-motion", value: "reduce" };
await page.emulateMediaFeatures([still]);
await page.goto(url);
await firstResult(page);
await page.click("#samples button:nth-child(5)");
await page.screenshot({ path: join(folder, "picture.png") });

await page.click("#compare");
await page.waitForFunction(() => document.querySelector(".card:nth-child(2) .answer")?.textContent);
await choose(page, ".card:nth-child(2) .onnx", at("models/fashion-small-int8.onnx"));
await page.waitForFunction(() => document.querySelector(".card:nth-child(2) h3")?.textContent === "fashion-small-int8");
await page.emulateMediaFeatures([still, { name: "prefers-color-scheme", value: "dark" }]);
await runGallery(page);
await page.click(".matrix tbody tr:nth-child(7) td:nth-child(2) button");
await page.setViewport({ width: 1080, height: 1180 });
await page.evaluate(() => scrollTo(0, 0));
await page.screenshot({ path: join(folder, "gallery.png") });
await browser.close();
await stop();
