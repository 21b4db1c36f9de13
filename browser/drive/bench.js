// Prints two tables for BENCHMARKS.md: how soon the page answers and what it loads for it; and images/s of one worker, in
// the browser and in the host, in turn.

import { setTimeout as pause } from "node:timers/promises";
import { COMPONENT, FULL } from "../build/paths.js";
import { processorTime } from "./processor.js";
import { at, choose, countBytes, firstResult, host, launch, PATIENCE, runGallery, serve } from "./site.js";

/** Of the repository. */
const MODELS = ["fashion-small", "fashion-small-int8", "fashion-large"];
/** Test images that the gallery classifies. */
const IMAGES = 10_000;
/** What Chromium calls the threads of workers: of the page's, one has something to do while the gallery runs. */
const WORKER = "DedicatedWorker";

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

/**
 * A page of a fresh profile, in which nothing is kept.
 *
 * @param {import("puppeteer-core").Browser} browser
 */
async function fresh(browser) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  return page;
}

/**
 * How fast the page and the host are with a model, by the clock and by the processor's time of the thread that classifies.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {number} pid Of the browser.
 * @param {string} name
 */
async function rates(page, pid, name) {
  const model = at(`models/${name}.onnx`);
  await choose(page, ".card .onnx", model);
  await page.waitForFunction(
    name =>
      document.querySelector(".card h3")?.textContent === name && !document.querySelector(".card[aria-busy=true]"),
    { polling: "mutation" },
    name,
  );
  // What the change of models has set off.
  await pause(500);
  const before = await processorTime(pid, WORKER);
  await runGallery(page);
  const took = (await processorTime(pid, WORKER)) - before;
  const shown = await page.$eval(".card .rate", element => element.textContent ?? "");
  const used = await page.$eval(".card .component", element => element.textContent ?? "");
  const component = used.startsWith("classifier-full") ? FULL : COMPONENT;
  const args = ["--workers", "1", "--model", model, "--component", component];
  const { stderr } = await host(["evaluate", ...args]);
  const { stdout } = await host(["bench", ...args, "--codec", "raw", "--rounds", "1", "--format", "json"]);
  return {
    clock: [count(shown), count(stderr.match(/([\d,]+)\/s/)?.[1] ?? "")],
    thread: [(1000 * IMAGES) / took, JSON.parse(stdout).components[0].rounds[0].network_images_per_second],
  };
}

/** @param {string} text */
function count(text) {
  return Number(text.replaceAll(",", ""));
}

const { url, stop } = await serve();
const browser = await launch();
const pid = browser.process()?.pid ?? 0;
// The browser has started when the first page that counts is opened, as that of whoever visits a page has.
const visited = await fresh(browser);
await visited.goto(url);
await firstResult(visited);
await pause(2000);
await visited.browserContext().close();

/** @type {{ seconds: number, processor: number, bytes: number }[]} */
const first = [];
/** @type {Record<string, Awaited<ReturnType<typeof rates>>[]>} */
const measured = Object.fromEntries(MODELS.map(name => [name, []]));
for (let run = 1; run <= runs; run++) {
  console.error(`browser: ${run} of ${runs}`);
  const page = await fresh(browser);
  const bytes = await countBytes(page);
  const before = await processorTime(pid);
  await page.goto(url);
  const seconds = (await firstResult(page)) / 1000;
  first.push({ seconds, processor: ((await processorTime(pid)) - before) / 1000, bytes: bytes() });
  for (const name of MODELS) {
    measured[name].push(await rates(page, pid, name));
  }
  await page.browserContext().close();
}
await browser.close();
await stop();

console.log("| measured | minimum | median | maximum |\n| --- | --- | --- | --- |");
row(
  "from opening the page to the first result, s",
  first.map(({ seconds }) => seconds),
  2,
);
row(
  "the processor's time until then, all of the browser's processes, s",
  first.map(({ processor }) => processor),
  2,
);
row(
  "bytes loaded until then",
  first.map(({ bytes }) => bytes),
  0,
);
for (const [kind, title] of /** @type {const} */ ([
  ["thread", "images in a second of the processor's time of the thread that classifies"],
  ["clock", "images/s by the clock, one worker"],
])) {
  console.log(`\n| ${title} | minimum | median | maximum |\n| --- | --- | --- | --- |`);
  for (const name of MODELS) {
    const pairs = measured[name].map(rates => rates[kind]);
    for (const [side, who] of ["browser", "host"].entries()) {
      row(
        `\`${name}\`: ${who}`,
        pairs.map(pair => pair[side]),
        0,
      );
    }
    row(
      `\`${name}\`: browser to host, run by run`,
      pairs.map(([browser, host]) => browser / host),
      2,
    );
  }
}
