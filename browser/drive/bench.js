// Prints two tables for BENCHMARKS.md: how soon the page answers and what it loads for it; and images/s of one worker, in
// the browser and in the host, in turn.

import { setTimeout as pause } from "node:timers/promises";
import { COMPONENT, FULL } from "../build/paths.js";
import { at, choose, countBytes, firstResult, host, launch, runGallery, serve } from "./site.js";

/** Of the repository. */
const MODELS = ["fashion-small", "fashion-small-int8", "fashion-large"];

const runs = Number(process.argv[2] ?? 5);
if (!Number.isInteger(runs) || runs < 1) {
  console.error(`'${process.argv[2]}' is not a number of runs above 0`);
  process.exit(2);
}

/** Least, middle and most. @param {number[]} values */
function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted[sorted.length - 1]];
}

/**
 * @param {string} what
 * @param {number[]} values
 * @param {number} decimals
 */
function row(what, values, decimals) {
  const format = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  console.log(`| ${[what, ...spread(values).map(value => value.toLocaleString("en", format))].join(" | ")} |`);
}

const { url, stop } = await serve();
/** @type {{ seconds: number[], bytes: number[] }} */
const first = { seconds: [], bytes: [] };
/** @type {Record<string, { browser: number[], host: number[] }>} */
const rates = Object.fromEntries(MODELS.map(name => [name, { browser: [], host: [] }]));

for (let run = 1; run <= runs; run++) {
  console.error(`browser: ${run} of ${runs}`);
  const browser = await launch();
  const page = await browser.newPage();
  page.setDefaultTimeout(600_000);
  const bytes = await countBytes(page);
  await page.goto(url);
  first.seconds.push((await firstResult(page)) / 1000);
  first.bytes.push(bytes());
  for (const name of MODELS) {
    const model = at(`models/${name}.onnx`);
    const component = name.endsWith("-int8") ? FULL : COMPONENT;
    await choose(page, ".card .onnx", model);
    await page.waitForFunction(
      name =>
        document.querySelector(".card h3")?.textContent === name && !document.querySelector(".card[aria-busy=true]"),
      {},
      name,
    );
    // What the change of models has set off.
    await pause(500);
    await runGallery(page);
    const shown = await page.$eval(".card .rate", element => element.textContent ?? "");
    rates[name].browser.push(Number(shown.replaceAll(",", "")));
    const { stderr } = await host(["evaluate", "--workers", "1", "--model", model, "--component", component]);
    rates[name].host.push(Number(stderr.match(/([\d,]+)\/s/)?.[1].replaceAll(",", "")));
  }
  await browser.close();
}
await stop();

console.log("| measured | minimum | median | maximum |\n| --- | --- | --- | --- |");
row("from opening the page to the first result, s", first.seconds, 2);
row("bytes loaded until then", first.bytes, 0);
console.log("\n| images/s, one worker | minimum | median | maximum |\n| --- | --- | --- | --- |");
for (const [name, { browser, host }] of Object.entries(rates)) {
  row(`\`${name}\`: browser`, browser, 0);
  row(`\`${name}\`: host`, host, 0);
  row(
    `\`${name}\`: browser to host, run by run`,
    browser.map((rate, run) => rate / host[run]),
    2,
  );
}
