// What came out can be saved, in the form that the host has.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import {
  answered,
  at,
  choose,
  downloaded,
  host,
  pageTest,
  runGallery,
  SCREENS,
  scratch,
  site,
  text,
} from "./support.js";

const served = site();
const folder = scratch();

for (const screen of SCREENS) {
  pageTest(served, `a result is saved as the host prints it, and as CSV, ${screen.width} pixels wide`, async page => {
    await page.setViewport(screen);
    const path = at("wit/corpus/files/png-photograph");
    await choose(page, "#file", path);
    await answered(page, "png-photograph");
    const saved = await downloaded(page, ".card .save-json", folder(), "png-photograph.json");
    const { predictions, warnings, model } = JSON.parse(saved);
    const said = await host("classify", "--top-k", "10", path);
    const classes = (/** @type {any} */ { top }) => top.map((/** @type {any} */ one) => [one.class, one.label]);
    assert.deepEqual(predictions.map(classes), said.predictions.map(classes));
    for (const [place, { score }] of said.predictions[0].top.entries()) {
      assert.ok(Math.abs(score - predictions[0].top[place].score) < 1e-6);
    }
    assert.deepEqual(warnings, said.warnings);
    assert.equal(model.sha256, await text(page, ".card .model-digest"));
    const rows = (await downloaded(page, ".card .save-csv", folder(), "png-photograph.csv")).trimEnd().split("\r\n");
    assert.equal(rows[0], "file,image,true,model,class,label,score");
    assert.equal(rows.length, 11);
  });
}

pageTest(served, "the confusion matrix is saved as it is shown", async page => {
  await runGallery(page);
  const saved = await downloaded(page, ".card .save-matrix", folder(), "fashion-small-confusion.csv");
  const counts = saved
    .split("\r\n")
    .slice(1, 11)
    .map(row => row.split(",").slice(1, 11).map(Number));
  assert.deepEqual(counts, (await host("evaluate")).matrix);
});

pageTest(served, "of a file with several images each has its answer", async page => {
  const path = at("models/golden/images-40.json");
  await choose(page, "#file", path);
  await answered(page, "images-40.json");
  assert.match(await text(page, ".card .several"), /of 40$/);
  assert.match(await text(page, ".card .unseen"), /this browser cannot show it/);
  const classes = JSON.parse(await readFile(at("models/golden/answer-40.json"), "utf8"));
  const labels = (await readFile(at("models/labels.txt"), "utf8")).trimEnd().split("\n");
  for (const image of [1, 2, 40]) {
    await page.$eval(
      ".card .number",
      (input, image) => {
        /** @type {HTMLInputElement} */ (input).value = String(image);
        input.dispatchEvent(new Event("input"));
      },
      image,
    );
    assert.equal((await text(page, ".card .answer")).split(",")[0], labels[classes[image - 1]]);
  }
});
