// A real browser and the host that serves the page to it, for one file of tests.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import puppeteer from "puppeteer-core";
import { COMPONENT, PAGE } from "../../build/paths.js";

/** @typedef {import("puppeteer-core").Page} Page */
/** @typedef {{ url: string, browser: import("puppeteer-core").Browser, stopServer: () => Promise<void> }} Site */

/** Milliseconds for anything that a page does. */
const PATIENCE = 120_000;
const SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  // Pictures of its own in place of a camera's.
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
];

const needed = (/** @type {string} */ name) => {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: these tests run by \`cargo test --workspace --test browser\``);
  }
  return value;
};

/** Paths of the repository. */
export const at = (/** @type {string} */ path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/**
 * What the host says, as JSON.
 *
 * @param {...string} args
 */
export async function host(...args) {
  const env = { ...process.env, HOST_COMPONENT: COMPONENT };
  const { stdout } = await promisify(execFile)(needed("HOST"), [...args, "--format", "json"], {
    env,
    maxBuffer: 1 << 26,
  });
  return JSON.parse(stdout);
}

/** Serves the page and starts a browser for the tests of this file. */
export function site() {
  /** @type {import("node:child_process").ChildProcess} */
  let server;
  const site = /** @type {Site} */ ({});
  before(async () => {
    server = spawn(needed("HOST"), ["demo", `--browser=${PAGE}`, "--port", "0"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface({ input: /** @type {NodeJS.ReadableStream} */ (server.stdout) })) {
      const url = line.match(/http:\/\/\S+/)?.[0];
      if (url) {
        site.url = url;
        break;
      }
    }
    assert.ok(site.url, "the host did not say where it serves the page");
    site.stopServer = () =>
      new Promise(resolve => {
        server.once("exit", () => resolve());
        server.kill("SIGINT");
      });
    site.browser = await puppeteer.launch({
      executablePath: needed("CHROMIUM"),
      headless: true,
      args: SWITCHES,
      protocolTimeout: PATIENCE,
    });
  });
  after(async () => {
    await site.browser?.close();
    if (server?.exitCode === null) {
      await site.stopServer();
    }
  });
  return site;
}

/**
 * A test on a fresh page of a fresh profile; it fails where anything went to the console, or to another server.
 *
 * @param {Site} site
 * @param {string} name
 * @param {(page: Page) => Promise<void>} body
 * @param {{ ready?: boolean, setUp?: (page: Page) => Promise<unknown> }} [options] Whether to wait for the first result;
 *   what to do before the page is loaded.
 */
export function pageTest(site, name, body, { ready = true, setUp } = {}) {
  test(name, { timeout: 2 * PATIENCE }, async () => {
    const context = await site.browser.createBrowserContext();
    const page = await context.newPage();
    /** @type {string[]} */
    const problems = [];
    page.on("console", message => problems.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", error => problems.push(String(error)));
    page.on("request", request => {
      if (!/^(blob:|data:)/.test(request.url()) && !request.url().startsWith(site.url)) {
        problems.push(`asked ${request.url()}`);
      }
    });
    page.setDefaultTimeout(PATIENCE);
    try {
      await setUp?.(page);
      await page.goto(site.url);
      if (ready) {
        await firstResult(page);
      }
      await body(page);
      assert.deepEqual(problems, []);
    } finally {
      await context.close();
    }
  });
}

/** @param {Page} page */
export async function firstResult(page) {
  await page.waitForFunction(() => performance.getEntriesByName("first-result").length > 0);
}

/**
 * The text of an element, as it is seen.
 *
 * @param {Page} page
 * @param {string} selector
 */
export function text(page, selector) {
  return page.$eval(selector, element => /** @type {HTMLElement} */ (element).innerText.trim());
}

/**
 * Waits until an element is shown and its text matches.
 *
 * @param {Page} page
 * @param {string} selector
 * @param {RegExp} pattern
 */
export async function untilText(page, selector, pattern) {
  const matches = (/** @type {string} */ selector, /** @type {string} */ source, /** @type {string} */ flags) => {
    const element = /** @type {HTMLElement | null} */ (document.querySelector(selector));
    return element !== null && new RegExp(source, flags).test(element.innerText);
  };
  await page.waitForFunction(matches, {}, selector, pattern.source, pattern.flags).catch(async error => {
    const found = await text(page, selector).catch(() => "nothing");
    throw new Error(`${selector} says '${found}', and not ${pattern}`, { cause: error });
  });
}

/**
 * Hands files to an input, as if they had been chosen.
 *
 * @param {Page} page
 * @param {string} selector
 * @param {string} path
 */
export async function choose(page, selector, path) {
  const input = /** @type {import("puppeteer-core").ElementHandle<HTMLInputElement>} */ (await page.$(selector));
  await input.uploadFile(path);
}

/**
 * Hands a file to the page as a drop or a paste does.
 *
 * @param {Page} page
 * @param {"drop" | "paste"} how
 * @param {string} name
 * @param {Uint8Array} bytes
 */
export async function hand(page, how, name, bytes) {
  const base64 = Buffer.from(bytes).toString("base64");
  await page.evaluate(
    (how, name, base64) => {
      const bytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], name));
      const event =
        how === "drop"
          ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
          : new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
      document.body.dispatchEvent(event);
    },
    how,
    name,
    base64,
  );
}

/** @param {Page} page */
export const answer = page => text(page, ".card .answer");

/** Runs the gallery to its end. @param {Page} page */
export async function runGallery(page) {
  await page.click('nav a[href="#gallery"]');
  await page.waitForSelector("#run:not(:disabled)");
  await page.click("#run");
  await untilText(page, "#run", /again/);
}
