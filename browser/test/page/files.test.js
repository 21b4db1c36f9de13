// The host and the page never disagree on a file: the component reads it in both, so they give the same answer, or the same
// reason why there is none.

import assert from "node:assert/strict";
import { copyFile, readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { at, choose, hostLines, pageTest, SCREENS, scratch, site, text } from "./support.js";

const served = site();
const folder = scratch();

/** @typedef {import("./support.js").Page} Page */

/** The host escapes a line end, and the page shows a space. */
const withoutLineEnds = (/** @type {string} */ text) => text.replaceAll("\\n", " ");

/** What the page says of a file: its answer, or why there is none. @param {Page} page @param {string} path */
async function said(page, path) {
  const name = basename(path);
  await page.$eval(".card .name", element => {
    element.textContent = "";
  });
  await choose(page, "#file", path);
  await page.waitForFunction(
    name =>
      document.querySelector(".card .name")?.textContent === name ||
      document.querySelector("#problem p")?.textContent?.startsWith(`No answer for ${name}: `),
    {},
    name,
  );
  const problem = await page.$eval("#problem p", element => element.textContent);
  return problem ? withoutLineEnds(problem.replace(`No answer for ${name}: `, "")) : text(page, ".card .answer");
}

/** The same of the host. @param {any} line */
function expected({ predictions, error }) {
  if (error) {
    return withoutLineEnds(error.replace(/^rejected, /, ""));
  }
  const [{ label, score }] = predictions[0].top;
  return `${label}, ${(100 * score).toFixed(1)}%`;
}

/**
 * Some of the corpus: one file at random of each few in a row, which are mostly of one format. All of them where HOST_CORPUS is
 * `long`, which takes minutes.
 */
async function corpus() {
  const few = process.env.HOST_CORPUS === "long" ? 1 : 6;
  const chosen = [];
  for (const folder of ["wit/corpus/files", "wit/corpus/reported"]) {
    const names = (await readdir(at(folder))).sort();
    for (let start = 0; start < names.length; start += few) {
      const row = names.slice(start, start + few);
      chosen.push(join(at(folder), row[Math.floor(Math.random() * row.length)]));
    }
  }
  return chosen;
}

pageTest(
  served,
  "a file of the corpus has the answer that the host gives it, or is refused in its words",
  async page => {
    const files = await corpus();
    const lines = await hostLines("classify", ...files);
    assert.equal(lines.length, files.length);
    assert.ok(lines.some(({ error }) => error) && lines.some(({ predictions }) => predictions));
    for (const [number, path] of files.entries()) {
      assert.equal(await said(page, path), expected(lines[number]), path);
    }
  },
);

for (const screen of SCREENS) {
  pageTest(
    served,
    `files that are not what they are called are taken alike, ${screen.width} pixels wide`,
    async page => {
      await page.setViewport(screen);
      const files = ["shoe.jpg", "hello.json", "hello.npy", "hello.png"].map(name => join(folder(), name));
      await copyFile(at("wit/corpus/files/png-photograph"), files[0]);
      for (const path of files.slice(1)) {
        await writeFile(path, "hello\n");
      }
      for (const [number, line] of (await hostLines("classify", ...files)).entries()) {
        assert.equal(await said(page, files[number]), expected(line));
      }
    },
  );
}

pageTest(served, "however a picture is to be prepared, both prepare it alike", async page => {
  const files = ["png-colour", "png-photograph", "png-16-bit-low-larger", "png-alpha-cut-out-colour"].map(name =>
    at(`wit/corpus/files/${name}`),
  );
  for (const [fit, invert] of [
    ["stretch", "never"],
    ["contain", "auto"],
    ["crop", "always"],
  ]) {
    await page.select("#fit", fit);
    await page.select("#invert", invert);
    const lines = await hostLines("classify", "--fit", fit, "--invert", invert, ...files);
    for (const [number, path] of files.entries()) {
      assert.equal(await said(page, path), expected(lines[number]), `${path}, ${fit}, ${invert}`);
    }
  }
});

pageTest(served, "why an answer may be wrong is said beside it, as the host says it", async page => {
  const path = join(folder(), "fractions.json");
  await writeFile(path, JSON.stringify(Array(28).fill(Array(28).fill(0.5))));
  const [{ warnings }] = await hostLines("classify", path);
  assert.equal(warnings.length, 1);
  await said(page, path);
  assert.deepEqual(
    await page.$$eval(".card .warnings li", items => items.map(item => item.textContent)),
    warnings.map((/** @type {any} */ { code, detail }) => `${code}: ${detail}`),
  );
});
