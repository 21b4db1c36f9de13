import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { png } from "./png.js";
import { answered, at, choose, hand, PATIENCE, pageTest, runGallery, site, text, untilText } from "./support.js";

const served = site();
const corpus = (/** @type {string} */ name) => at(`wit/corpus/files/${name}`);
const open = (/** @type {import("./support.js").Page} */ page, /** @type {string} */ tab) => page.click(`#tab-${tab}`);
const steps = (/** @type {import("./support.js").Page} */ page) =>
  page.$$eval(".card .steps li", items => items.map(item => /** @type {HTMLElement} */ (item).innerText.trim()));

pageTest(served, "a test image is picked with the mouse and with the keyboard", async page => {
  await page.click("#samples button:nth-child(3)");
  await untilText(page, "#status", /^Classified: Test image 3$/);
  await untilText(page, ".card .answer", /^Trouser, /);
  assert.equal(await page.$eval("#samples button:nth-child(3)", button => button.getAttribute("aria-pressed")), "true");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  await untilText(page, "#status", /^Classified: Test image 2$/);
  await untilText(page, ".card .answer", /^Pullover, /);
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await untilText(page, "#status", /^Classified: Test image 100$/);
});

pageTest(served, "tabs are changed with arrow keys", async page => {
  await page.focus("#tab-samples");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  assert.equal(await page.$eval("#panel-file", panel => /** @type {HTMLElement} */ (panel).hidden), false);
  assert.equal(await page.$eval("#panel-samples", panel => /** @type {HTMLElement} */ (panel).hidden), true);
});

pageTest(served, "a picture from a file is shown on its way to what the model sees", async page => {
  await open(page, "file");
  const red = png(84, 42, (x, y) => (x > 20 && x < 60 && y > 10 && y < 30 ? [200, 30, 30] : [250, 250, 250]));
  await hand(page, "drop", "red.png", red);
  await untilText(page, "#status", /^Classified: red\.png$/);
  await page.waitForFunction(() => document.querySelectorAll(".steps li").length > 1);
  assert.deepEqual(await steps(page), [
    "The picture, 84 × 42",
    "Converted to grey",
    "Inverted, because its border is light (250 of 255)",
    "Margins in the colour of its border, 84 × 84",
    "Made 28 × 28: this is what it sees",
  ]);
  assert.deepEqual(
    await page.$eval(".steps li:last-child canvas", canvas => [
      /** @type {HTMLCanvasElement} */ (canvas).width,
      /** @type {HTMLCanvasElement} */ (canvas).height,
    ]),
    [28, 28],
  );
});

pageTest(served, "what is shown of a picture is what the component sees of it", async page => {
  // With the pixels that are shown the component gives the answer that it gives with the file.
  for (const name of ["png-photograph", "png-16-bit-low-larger", "png-alpha-cut-out-colour", "png-exif-5"]) {
    await choose(page, "#file", corpus(name));
    await answered(page, name);
    const answer = await text(page, ".card .answer");
    const seen = await page.$eval(".card .steps li:last-child canvas", canvas =>
      /** @type {HTMLCanvasElement} */ (canvas).toDataURL("image/png"),
    );
    await hand(page, "drop", `${name}-seen.png`, Buffer.from(seen.split(",")[1], "base64"));
    await answered(page, `${name}-seen.png`);
    assert.equal(await text(page, ".card .answer"), answer, name);
  }
});

pageTest(served, "a picture is dropped, and another pasted", async page => {
  const png = await readFile(corpus("png-grey"));
  await hand(page, "drop", "dropped.png", png);
  await untilText(page, "#status", /^Classified: dropped\.png$/);
  await untilText(page, ".card .answer", /^Ankle boot/);
  await hand(page, "paste", "pasted.png", png);
  await untilText(page, "#status", /^Classified: pasted\.png$/);
});

pageTest(served, "what is no picture is refused by name, and what was there stays", async page => {
  const before = await text(page, ".card .answer");
  for (const [name, bytes, message] of /** @type {const} */ ([
    ["notes.txt", new TextEncoder().encode("hello\n"), /^No answer for notes\.txt: unknown-format: /],
    ["nothing.png", new Uint8Array(), /^No answer for nothing\.png: empty: /],
    ["half.png", (await readFile(corpus("png-grey"))).subarray(0, 40), /^No answer for half\.png: bad-image: /],
    ["noise.bin", Uint8Array.from([1, 2, 3, 4]), /^No answer for noise\.bin: unknown-format: /],
  ])) {
    await hand(page, "drop", name, bytes);
    await untilText(page, "#problem", message);
  }
  assert.equal(await text(page, ".card .answer"), before);
});

pageTest(served, "a drawing is classified while it is drawn, by mouse and by keyboard, and wiped", async page => {
  await open(page, "draw");
  const canvas = /** @type {import("puppeteer-core").ElementHandle} */ (await page.$("#drawing"));
  const box = /** @type {import("puppeteer-core").BoundingBox} */ (await canvas.boundingBox());
  const lit = () =>
    page.$eval(".card .steps li:last-child canvas", seen => {
      const copy = /** @type {any} */ (new OffscreenCanvas(28, 28).getContext("2d", { willReadFrequently: true }));
      copy.drawImage(seen, 0, 0);
      const { data } = copy.getImageData(0, 0, 28, 28);
      return [...data].filter((value, place) => place % 4 === 0 && value > 128).length;
    });
  const untilLit = async (/** @type {(count: number) => boolean} */ good) => {
    let count = await lit();
    const end = Date.now() + PATIENCE;
    while (!good(count) && Date.now() < end) {
      await new Promise(resolve => setTimeout(resolve, 50));
      count = await lit();
    }
    assert.ok(good(count), `${count} pixels are lit`);
    return count;
  };
  await page.mouse.click(box.x + 60, box.y + 60);
  await untilLit(count => count > 0 && count < 12);
  await page.mouse.move(box.x + 60, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + 220, box.y + 60, { steps: 8 });
  await page.mouse.up();
  await page.mouse.move(box.x + 220, box.y + 220, { steps: 8 });
  const line = await untilLit(count => count > 20 && count < 80);
  await canvas.focus();
  await page.keyboard.press("Space");
  await untilText(page, "#pen-state", /^The pen is down$/);
  for (let key = 0; key < 10; key++) {
    await page.keyboard.press("ArrowDown");
  }
  await untilLit(count => count > line + 5);
  await page.click("#clear");
  await untilLit(count => count === 0);
});

pageTest(served, "the camera's pictures are classified until it is stopped", async page => {
  await open(page, "camera");
  await page.click("#camera-start");
  await page.waitForSelector("#camera-stop", { visible: true });
  await page.waitForFunction(() =>
    /^The picture, \d{3,} × \d{3,}/.test(document.querySelector(".steps")?.textContent ?? ""),
  );
  await page.click("#camera-stop");
  await page.waitForSelector("#camera-start", { visible: true });
  assert.equal(await page.$eval("#video", video => /** @type {HTMLVideoElement} */ (video).srcObject), null);
});

pageTest(served, "whatever else comes turns the camera off", async page => {
  const isOff = () => page.$eval("#video", video => /** @type {HTMLVideoElement} */ (video).srcObject === null);
  const start = async () => {
    await open(page, "camera");
    await page.click("#camera-start");
    await page.waitForSelector("#camera-stop", { visible: true });
    assert.equal(await isOff(), false);
  };
  await start();
  await hand(page, "drop", "dropped.png", await readFile(corpus("png-grey")));
  await untilText(page, "#status", /^Classified: dropped\.png$/);
  assert.equal(await isOff(), true);
  await start();
  await page.click('nav a[href="#gallery"]');
  await page.waitForSelector("#gallery-view", { visible: true });
  assert.equal(await isOff(), true);
});

pageTest(served, "the keyboard's focus goes to what takes the place of what was pressed", async page => {
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent);
  await page.focus("#compare");
  await page.keyboard.press("Enter");
  assert.match(String(await focused()), /^card-1$/);
  await page.waitForSelector(".card:nth-child(2) .remove", { visible: true });
  await page.focus(".card:nth-child(2) .remove");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "compare");
  await open(page, "camera");
  await page.focus("#camera-start");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#camera-stop", { visible: true });
  assert.equal(await focused(), "camera-stop");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "camera-start");
});

pageTest(served, "a narrow screen needs no scrolling sideways", async page => {
  await page.setViewport({ width: 320, height: 640 });
  await page.click("#compare");
  await untilText(page, ".card:nth-child(2) .answer", /./);
  await runGallery(page);
  await page.click(".matrix tbody tr:nth-child(7) td:nth-child(2) button");
  for (const view of ["#gallery", "#picture"]) {
    await page.click(`nav a[href="${view}"]`);
    await page.waitForSelector(`${view}-view`, { visible: true });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), view);
  }
  assert.match(await text(page, "h1"), /Image stream/);
});
