import assert from "node:assert/strict";
import test from "node:test";
import { accepted, ranked, read } from "../../src/component/answer.js";

const SCORES = "application/json;profile=scores";
const DESCRIPTION = /** @type {any} */ ({ labels: ["a", "b", "c"], produces: ["application/json", SCORES] });
const CLASSES = { ...DESCRIPTION, produces: ["text/plain", "application/json; charset=utf-8"] };

const reply = (/** @type {unknown} */ body, images = 1, warnings = /** @type {any[]} */ ([])) => ({
  contentType: "application/json",
  images,
  warnings,
  body: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)),
});

test("scores are asked for where a component gives them, else classes, and else it is refused", () => {
  assert.equal(accepted(DESCRIPTION), `${SCORES};top-k=3`);
  assert.equal(accepted({ ...DESCRIPTION, produces: ['Application/JSON; Profile="scores"'] }), `${SCORES};top-k=3`);
  assert.equal(accepted(CLASSES), "application/json; charset=utf-8");
  assert.throws(() => accepted({ ...DESCRIPTION, produces: ["text/plain"] }), /produces text\/plain; the page needs/);
});

test("an answer is read with its scores, without them, and with its warnings", () => {
  const top = [
    { class: 1, label: "b", score: 0.75 },
    { class: 0, label: "a", score: 0.25 },
  ];
  const warnings = Array(20).fill({ code: "light-border", detail: "a\nb" });
  const answer = read(reply({ predictions: [{ ...top[0], top }, top[1]] }, 2, warnings), DESCRIPTION);
  assert.deepEqual(answer.images, [
    [
      { class: 1, score: 0.75 },
      { class: 0, score: 0.25 },
    ],
    [{ class: 0, score: 0.25 }],
  ]);
  assert.deepEqual([answer.warnings.length, answer.warnings[0]], [16, { code: "light-border", detail: "a b" }]);
  assert.deepEqual(read(reply([2, 0], 2), CLASSES).images, [[{ class: 2 }], [{ class: 0 }]]);
});

test("an answer that cannot be relied on is refused, and what is wrong is said", () => {
  for (const [body, message] of /** @type {[unknown, RegExp][]} */ ([
    ["nonsense", /is not application\/json;profile=scores/],
    [[1], /is not application/],
    [null, /is not application/],
    [{ predictions: [{ class: 3, score: 1 }] }, /class 3, but has 3 labels/],
    [{ predictions: [{ class: -1, score: 1 }] }, /class -1/],
    [{ predictions: [{ class: 0.5, score: 1 }] }, /class 0\.5/],
    [{ predictions: [{ class: 0 }] }, /a score of undefined/],
    [{ predictions: [{ class: 0, score: "1" }] }, /a score of 1/],
    [{ predictions: [null] }, /class undefined/],
    [{ predictions: [] }, /says that it classified 1 images, but its answer has 0/],
  ])) {
    assert.throws(() => read(reply(body), DESCRIPTION), message);
  }
});

test("probabilities are put in order, and of those that are alike the first stays first", () => {
  assert.deepEqual(
    ranked(Float32Array.from([0.25, 0.5, 0.25])).map(({ class: number }) => number),
    [1, 0, 2],
  );
});
