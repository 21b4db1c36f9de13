// The page, served by the host and opened in a real browser: for tests, benchmarks and screenshots alike.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import puppeteer from "puppeteer-core";
import { COMPONENT, PAGE } from "../build/paths.js";

/** @typedef {import("puppeteer-core").Page} Page */

/** Milliseconds for anything that a page does, on a machine that is four times slower than one should be. */
export const PATIENCE = 600_000;

const SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  // Pictures of its own in place of a camera's.
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
];

/** Paths of the repository. @param {string} path */
export const at = path => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** @param {string} name */
function needed(name) {
  const value = process.env[name];
  if (!value) {
    throw new Error(
      `${name} is not set: \`cargo test --workspace --test browser\` and \`cargo xtask bench browser\` set it`,
    );
  }
  return value;
}

/**
 * Runs the host to its end.
 *
 * @param {string[]} args
 * @returns {Promise<{ stdout: string, stderr: string }>}
 */
export function host(args) {
  const env = { ...process.env, HOST_COMPONENT: COMPONENT };
  return promisify(execFile)(needed("HOST"), args, { env, maxBuffer: 1 << 26 });
}

/**
 * Serves the page until it is told to stop.
 *
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export async function serve() {
  const args = ["demo", `--browser=${PAGE}`, "--port", "0"];
  const server = spawn(needed("HOST"), args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(server, "exit");
  const stop = async () => {
    server.kill("SIGINT");
    await ended;
  };
  for await (const line of createInterface({ input: server.stdout })) {
    const url = line.match(/http:\/\/\S+/)?.[0];
    if (url) {
      return { url, stop };
    }
  }
  throw new Error("the host did not say where it serves the page");
}

export function launch() {
  return puppeteer.launch({
    executablePath: needed("CHROMIUM"),
    headless: true,
    args: SWITCHES,
    timeout: PATIENCE,
    protocolTimeout: PATIENCE,
  });
}

/**
 * Counts the bytes that come over the network, of the page and of its workers, from now on.
 *
 * @param {Page} page
 * @returns {Promise<() => number>}
 */
export async function countBytes(page) {
  let bytes = 0;
  const count = async (/** @type {import("puppeteer-core").CDPSession} */ session) => {
    session.on("Network.loadingFinished", ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await session.send("Network.enable");
  };
  await count(await page.createCDPSession());
  page.on("workercreated", worker => count(worker.client));
  return () => bytes;
}

/** A phone's screen and a desk's, in pixels. */
export const SCREENS = [
  { width: 390, height: 844 },
  { width: 1280, height: 800 },
];

/** Waits for the first result; tells when it was there, in milliseconds from when the page was asked for. @param {Page} page */
export async function firstResult(page) {
  // Told, as whoever asks at each frame has the page draw at each frame.
  const mark = () =>
    new Promise(resolve => {
      const find = (/** @type {PerformanceObserverEntryList} */ list) => {
        const [found] = list.getEntriesByName("first-result");
        if (found) {
          resolve(found.startTime);
        }
      };
      new PerformanceObserver(find).observe({ type: "mark", buffered: true });
    });
  return /** @type {Promise<number>} */ (page.evaluate(mark));
}

/** Runs the gallery to its end. @param {Page} page */
export async function runGallery(page) {
  await page.click('nav a[href="#gallery"]');
  await page.waitForSelector("#run:not(:disabled)");
  await page.click("#run");
  // Not at each frame, as the page would draw at each.
  await page.waitForFunction(() => document.querySelector("#run")?.textContent?.includes("again"), {
    polling: "mutation",
  });
}

/**
 * Hands files to an input, as if they had been chosen.
 *
 * @param {Page} page
 * @param {string} selector
 * @param {string[]} paths
 */
export async function choose(page, selector, ...paths) {
  const input = /** @type {import("puppeteer-core").ElementHandle<HTMLInputElement>} */ (await page.$(selector));
  await input.uploadFile(...paths);
}
