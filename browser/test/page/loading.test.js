import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { COMPONENT, PAGE } from "../../build/paths.js";
import { countBytes } from "../../drive/site.js";
import { transpile } from "../../src/component/transpile.js";
import { at, choose, firstResult, host, pageTest, runGallery, site, text, untilText } from "./support.js";

const page = site();

test("the page's component is the host's, and its script what jco makes of it", async () => {
  const component = await readFile(COMPONENT);
  assert.equal(Buffer.compare(component, await readFile(join(PAGE, "classifier.wasm"))), 0);
  const { script } = await transpile(component);
  assert.equal(script, await readFile(join(PAGE, "classifier.js"), "utf8"));
});

pageTest(page, "it shows the digests that the host shows, and a first result by itself", async page => {
  const { digest, description } = await host("inspect");
  assert.equal(await text(page, ".card .digest"), digest);
  assert.equal(await text(page, ".card .model-digest"), description.model_sha256);
  assert.equal(await text(page, ".card h3"), description.name);
  assert.match(await text(page, ".card .answer"), /^Ankle boot, \d+\.\d%$/);
  assert.equal(await page.$$eval(".scores tbody tr", rows => rows.length), description.labels.length);
  assert.match(await text(page, ".card .took"), /^[\d.]+ ms in the component, fashion-small$/);
});

/** Slow enough for what happens meanwhile to be seen. @param {import("./support.js").Page} page */
const slowly = page => page.emulateNetworkConditions({ latency: 20, download: 1_000_000, upload: 1_000_000 });

/** @type {() => number} */
let bytes;
/** @type {string[]} */
const asked = [];
pageTest(
  page,
  "until the first result it loads no more than 1.5 MB in 12 files, none of them twice, and tells how far it is",
  async page => {
    await page.waitForFunction(() => /** @type {any} */ (document.querySelector("#loading-bar")).value > 0);
    await firstResult(page);
    assert.ok(bytes() > 500_000 && bytes() <= 1_500_000, `${bytes()} bytes`);
    assert.equal(new Set(asked).size, asked.length, asked.join("\n"));
    assert.ok(asked.length <= 12, asked.join("\n"));
  },
  {
    ready: false,
    setUp: async page => {
      bytes = await countBytes(page);
      page.on("request", request => /^http/.test(request.url()) && asked.push(request.url()));
      await slowly(page);
    },
  },
);

pageTest(
  page,
  "the component and its script are asked for before the page's own script has come, and workers start before they have",
  async page => {
    await firstResult(page);
    const { resources, workers } = await page.evaluate(() => ({
      resources: Object.fromEntries(
        /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType("resource")).map(
          ({ name, startTime, responseEnd }) => [name.split("/").at(-1), { asked: startTime, come: responseEnd }],
        ),
      ),
      workers: /** @type {any} */ (globalThis).workers,
    }));
    for (const name of ["classifier.wasm.gzip", "classifier.js.gzip"]) {
      assert.ok(resources[name].asked < resources["main.js"].come, name);
    }
    assert.equal(workers.length, 2, "one for the component, one for pictures");
    for (const started of workers) {
      assert.ok(started < resources["classifier.wasm.gzip"].come);
    }
  },
  {
    ready: false,
    setUp: async page => {
      await page.evaluateOnNewDocument(() => {
        /** @type {number[]} */
        const workers = [];
        Object.assign(globalThis, { workers });
        const { Worker } = globalThis;
        globalThis.Worker = class extends Worker {
          /** @param {[string | URL, WorkerOptions?]} args */
          constructor(...args) {
            super(...args);
            workers.push(performance.now());
          }
        };
      });
      await slowly(page);
    },
  },
);

pageTest(
  page,
  "test images can be picked while the component loads, and the one that was is answered then",
  async page => {
    await page.waitForSelector("#samples button:nth-child(3)");
    await page.click("#samples button:nth-child(3)");
    await untilText(page, "#status", /^Test image 3 waits for a model$/);
    await firstResult(page);
    await untilText(page, ".card .name", /^Test image 3$/);
    await untilText(page, ".card .answer", /^Trouser/);
  },
  {
    ready: false,
    setUp: async page => {
      await slowly(page);
      // The last file to come, so that the page is seen without it.
      await page.setRequestInterception(true);
      page.on("request", async request => {
        if (request.url().endsWith("/classifier.wasm.gzip")) {
          await page.waitForSelector("#samples button:nth-child(3)");
          await untilText(page, "#status", /waits for a model/);
        }
        await request.continue();
      });
    },
  },
);

for (const [what, pattern, script] of /** @type {const} */ ([
  [
    "no WebAssembly",
    /runs no WebAssembly.*takes Chrome or Edge \d+, Firefox \d+, or Safari/,
    "delete globalThis.WebAssembly",
  ],
  ["no SIMD", /no 128-bit SIMD.*What has:/, "WebAssembly.validate = () => false"],
  ["no workers", /too old.*What runs it:/, "delete globalThis.Worker"],
])) {
  pageTest(
    page,
    `a browser with ${what} is told why, and what would run it`,
    async page => {
      assert.match(await text(page, "#unsupported"), pattern);
      assert.equal(await page.$eval("#loading", element => /** @type {HTMLElement} */ (element).hidden), true);
    },
    { ready: false, setUp: page => page.evaluateOnNewDocument(script) },
  );
}

pageTest(
  page,
  "without JavaScript it says that it needs it",
  async page => assert.match(await text(page, "noscript"), /needs JavaScript/),
  { ready: false, setUp: page => page.setJavaScriptEnabled(false) },
);

pageTest(
  page,
  "a page whose script does not come says so",
  async page => {
    await untilText(page, "#unsupported", /^The page's scripts have not come: load it again/);
  },
  {
    ready: false,
    setUp: async page => {
      await page.setRequestInterception(true);
      page.on("request", request => {
        if (request.url().endsWith("/main.js")) {
          request.respond({ status: 200, contentType: "text/javascript", body: "" });
        } else {
          request.continue();
        }
      });
    },
  },
);

// The last, as it takes the server away.
pageTest(
  page,
  "once loaded it works without a network, the gallery and a component from a file included",
  async tab => {
    await tab.waitForFunction(() => /Works offline/.test(document.querySelector("#offline")?.textContent ?? ""));
    await tab.click('nav a[href="#gallery"]');
    await tab.waitForSelector("#run:not(:disabled)");
    await tab.click('nav a[href="#picture"]');
    // Kept after it was given to the page.
    await tab.waitForFunction(async () => Boolean(await caches.match("test-images/all-images.gzip")));
    await page.stopServer();
    await tab.reload();
    await firstResult(tab);
    assert.match(await text(tab, ".card .answer"), /^Ankle boot/);
    await choose(tab, ".card .wasm", at("target/component/centroid.wasm"));
    await untilText(tab, ".card .component", /^centroid\.wasm/);
    await runGallery(tab);
    await untilText(tab, ".card .count", /^10,000$/);
  },
);
