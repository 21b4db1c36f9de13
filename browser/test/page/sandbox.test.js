// What a component's script reaches that is hostile: jco writes it, from names that the component chooses.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { firstResult } from "../../drive/site.js";
import { exact } from "../../src/component/versions.js";
import { site } from "./support.js";

const served = site();

test("a script in a guest's worker reaches no other server, and nothing that is still there after it", async () => {
  /** @type {string[]} */
  const asked = [];
  const other = createServer((request, response) => {
    asked.push(String(request.url));
    response.writeHead(200, { "access-control-allow-origin": "*", "content-type": "text/javascript" });
    response.end("export default 1;");
  });
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (other.address());
  const page = await served.browser.newPage();
  try {
    await page.goto(served.url);
    await firstResult(page);
    // As `classifier.js` starts a guest, with a script that does what it can.
    const said = await page.evaluate(start, `http://127.0.0.1:${port}/`, exact("messages"));
    assert.equal(said, "nothing");
    assert.deepEqual(asked, []);
    // The server can be reached, so what kept the script from it is the worker.
    assert.equal((await fetch(`http://127.0.0.1:${port}/here`)).status, 200);
  } finally {
    await page.close();
    other.close();
  }
});

/**
 * In the page.
 *
 * @param {string} server
 * @param {string} messages The interface that a component has to export.
 */
async function start(server, messages) {
  const url = (/** @type {string} */ script) => URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const hostile = `
    export async function instantiate() {
      const names = ["fetch", "XMLHttpRequest", "WebSocket", "Worker", "caches", "indexedDB", "navigator", "importScripts"];
      const found = names.filter(name => name in globalThis);
      await import("${server}").then(() => found.push("import"), () => {});
      return { "${messages}": { describe: () => ({ name: found.join(", ") || "nothing" }) } };
    }`;
  const address = new URL("guest.worker.js", location.href).href;
  const worker = new Worker(url(`import ${JSON.stringify(address)};`), { type: "module" });
  const said = await new Promise(resolve => {
    worker.onmessage = ({ data }) => resolve(data.value?.name ?? data.failure?.message);
    worker.postMessage({ id: 0, name: "start", args: [url(hostile), []] });
  });
  worker.terminate();
  return said;
}
