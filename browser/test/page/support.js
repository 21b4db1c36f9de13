// Tests on the page: each on a fresh one, none with a word on the console.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as drive from "../../drive/site.js";

export { at, choose, firstResult, PATIENCE, runGallery, SCREENS } from "../../drive/site.js";

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

/**
 * What the host says line by line, also where it fails in the end.
 *
 * @param {...string} args
 * @returns {Promise<any[]>}
 */
export async function hostLines(...args) {
  const { stdout } = await drive.host([...args, "--format", "json"]).catch(error => {
    if (typeof error.code !== "number") {
      throw error;
    }
    return error;
  });
  return stdout
    .trimEnd()
    .split("\n")
    .map((/** @type {string} */ line) => JSON.parse(line));
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
 * A folder for the files of a test program, while its tests run.
 *
 * @returns {() => string}
 */
export function scratch() {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "browser-"));
  });
  after(() => rm(folder, { recursive: true }));
  return () => folder;
}

/**
 * Writes files into such a folder, and gives the path of each.
 *
 * @returns {(name: string, content: string | Uint8Array) => Promise<string>}
 */
export function files() {
  const folder = scratch();
  return async (name, content) => {
    const path = join(folder(), name);
    await writeFile(path, content);
    return path;
  };
}

/**
 * What a click saves to a file.
 *
 * @param {Page} page
 * @param {string} button
 * @param {string} folder
 * @param {string} name Of the file.
 */
export async function downloaded(page, button, folder, name) {
  const session = await page.createCDPSession();
  const behaviour = { behavior: /** @type {const} */ ("allow"), downloadPath: folder, eventsEnabled: true };
  const { targetInfo } = await session.send("Target.getTargetInfo");
  await session.send("Browser.setDownloadBehavior", { ...behaviour, browserContextId: targetInfo.browserContextId });
  const ended = new Promise(resolve => {
    session.on("Browser.downloadProgress", ({ state }) => state === "completed" && resolve(state));
  });
  await page.click(button);
  await ended;
  await session.detach();
  return readFile(join(folder, name), "utf8");
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
 * Waits until the page shows the answer to a picture.
 *
 * @param {Page} page
 * @param {string} name
 */
export async function answered(page, name) {
  const isShown = (/** @type {string} */ name) =>
    document.querySelector(".card .name")?.textContent === name &&
    document.querySelector("#picture-view")?.getAttribute("data-busy") === "false";
  await page.waitForFunction(isShown, {}, name).catch(async error => {
    const problem = await page.$eval("#problem", element => element.textContent);
    throw new Error(`no answer to ${name}; the page says '${problem}'`, { cause: error });
  });
}

/**
 * Whether all of an element is within the window.
 *
 * @param {Page} page
 * @param {string} selector
 */
export function isInView(page, selector) {
  return page.$eval(selector, element => {
    const { top, bottom, left, right, height } = element.getBoundingClientRect();
    return height > 0 && top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
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
