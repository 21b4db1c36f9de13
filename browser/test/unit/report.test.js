import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { MODELS } from "../../src/component/bundled.js";
import { labelsIn } from "../../src/images/labels.js";
import { csv, json, matrixCsv } from "../../src/images/report.js";
import { Tally } from "../../src/images/tally.js";

const at = (/** @type {string} */ path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

const RESULT = /** @type {any} */ ({
  name: 'a "b", c.png',
  truth: 6,
  answer: {
    images: [
      [
        { class: 1, score: Math.fround(0.9) },
        { class: 0, score: Math.fround(0.1) },
      ],
      [{ class: 0 }],
    ],
    warnings: [{ code: "light-border", detail: "d" }],
    took: 1,
  },
  model: { name: "m", version: "1", model: { sha256: "00" }, labels: ["=1+1", "b"] },
});

test("a result as JSON has what `host classify --format json` has", () => {
  assert.deepEqual(JSON.parse(json(RESULT)), {
    file: 'a "b", c.png',
    true: "Shirt",
    model: { name: "m", version: "1", sha256: "00" },
    predictions: [
      {
        top: [
          { class: 1, label: "b", score: 0.9 },
          { class: 0, label: "=1+1", score: 0.1 },
        ],
      },
      { top: [{ class: 0, label: "=1+1" }] },
    ],
    warnings: [{ code: "light-border", detail: "d" }],
  });
});

test("a result as CSV has a row for each class of each image, quoted where it has to be, and no formulas", () => {
  assert.equal(
    csv(RESULT),
    [
      "file,image,true,model,class,label,score",
      '"a ""b"", c.png",0,Shirt,m,1,b,0.9',
      `"a ""b"", c.png",0,Shirt,m,0,'=1+1,0.1`,
      `"a ""b"", c.png",1,Shirt,m,0,'=1+1,`,
      "",
    ].join("\r\n"),
  );
});

test("a confusion matrix as CSV has true classes in rows, and the recall of each", () => {
  const tally = new Tally(10);
  tally.add(0, 0, 0);
  tally.add(1, 0, 6);
  const [head, first, second] = matrixCsv(tally).split("\r\n");
  assert.match(head, /^true \\ predicted,T-shirt\/top,Trouser,.*,Ankle boot,recall$/);
  assert.equal(first, "T-shirt/top,1,0,0,0,0,0,1,0,0,0,0.5");
  assert.equal(second, "Trouser,0,0,0,0,0,0,0,0,0,0,");
});

test("the models to choose from are those of models/README.md, with their accuracy and size", () => {
  const readme = readFileSync(at("models/README.md"), "utf8");
  const cells = (/** @type {RegExp} */ row) =>
    String(readme.match(row)?.[0])
      .split("|")
      .slice(2, -1)
      .map(cell => cell.replaceAll(/[*`% ,]/g, ""));
  const names = cells(/^\| \| `fashion-small`.*$/m);
  assert.deepEqual(
    MODELS.map(({ name }) => name),
    names,
  );
  assert.deepEqual(
    MODELS.map(({ accuracy }) => accuracy),
    cells(/^\| \*\*accuracy, 10,000 test images.*$/m),
  );
  for (const { name, bytes } of MODELS) {
    assert.equal(bytes, statSync(at(`models/${name}.onnx`)).size, name);
  }
});

test("a label stands on each line, whatever editor wrote it, and a file without labels is refused", () => {
  const utf8 = (/** @type {string} */ text) => new TextEncoder().encode(text);
  for (const text of ["cat\nsea dog", "cat\nsea dog\n", "\u{feff}cat\r\nsea dog\r\n\r\n", "cat \nsea dog\t\n"]) {
    assert.deepEqual(labelsIn(text), ["cat", "sea dog"]);
    assert.deepEqual(labelsIn(utf8(text)), ["cat", "sea dog"]);
  }
  assert.deepEqual(labelsIn("cat\n\ndog"), ["cat", "", "dog"]);
  for (const text of ["", "\n \n"]) {
    assert.throws(() => labelsIn(text), /the list is empty/);
  }
  assert.throws(() => labelsIn(Uint8Array.from([0x63, 0xff])), /not UTF-8/);
});
