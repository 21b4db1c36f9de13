// Tests on the page: each on a fresh one, none with a word on the console.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as drive from "../../drive/site.js";

export { at, choose, firstResult, PATIENCE, runGallery } from "../../drive/site.js";

/** @typedef {import("puppeteer-core").Page} Page */
/** @typedef {{ url: string, browser: import("puppeteer-core").Browser, stopServer: () => Promise<void> }} Site */

/**
 * What the host says, as JSON.
 *
 * @param {...string} args
 */
export async function host(...args) {
  const { stdout } = await drive.host([...args, "--format", "json"]);
  return JSON.parse(stdout);
}

/** Serves the page and starts a browser for the tests of this file. */
export function site() {
  const site = /** @type {Site} */ ({});
  before(async () => {
    const { url, stop } = await drive.serve();
    site.url = url;
    /** @type {Promise<void> | undefined} */
    let stopped;
    site.stopServer = () => {
      stopped ??= stop();
      return stopped;
    };
    site.browser = await drive.launch();
  });
  after(async () => {
    await site.browser?.close();
    await site.stopServer?.();
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
  test(name, { timeout: 2 * drive.PATIENCE }, async () => {
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
    page.setDefaultTimeout(drive.PATIENCE);
    try {
      await setUp?.(page);
      await page.goto(site.url);
      if (ready) {
        await drive.firstResult(page);
      }
      await body(page);
      assert.deepEqual(problems, []);
    } finally {
      await context.close();
    }
  });
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
 * Hands a file to the page as a drop or a paste does.
 *
 * @param {Page} page
 * @param {"drop" | "paste"} how
 * @param {string} name
 * @param {Uint8Array} bytes
 * @param {string} [target] What it is dropped onto.
 */
export async function hand(page, how, name, bytes, target = "body") {
  const base64 = Buffer.from(bytes).toString("base64");
  await page.evaluate(
    (how, name, base64, target) => {
      const bytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], name));
      const event =
        how === "drop"
          ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
          : new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
      document.querySelector(target)?.dispatchEvent(event);
    },
    how,
    name,
    base64,
    target,
  );
}
