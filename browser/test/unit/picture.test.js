import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { mediaTypeOf, pictureType } from "../../src/picture/media.js";
import { kindOfBytes } from "../../src/picture/open.js";
import { prepare } from "../../src/picture/prepare.js";
import { resize } from "../../src/picture/resize.js";
import { pixelsOf16 } from "../../src/picture/sixteen.js";

/** @typedef {import("../../src/picture/prepare.js").Preparation} Preparation */

const GREY = { width: 4, height: 4, channels: 1 };
const COLOUR = { width: 4, height: 4, channels: 3 };
const LEFT_ALONE = /** @type {const} */ ({ fit: "stretch", invert: "never" });

/** A file of the repository. @param {string} path */
const at = path => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** A browser's `ImageData`, as far as it is used. */
class Pixels {
  /**
   * @param {Uint8ClampedArray | number} first
   * @param {number} second
   * @param {number} [third]
   */
  constructor(first, second, third) {
    this.width = typeof first === "number" ? first : second;
    this.height = typeof first === "number" ? second : third;
    this.data = typeof first === "number" ? new Uint8ClampedArray(first * second * 4) : first;
  }
}

/**
 * A picture, as a canvas gives it.
 *
 * @param {number} width
 * @param {number} height
 * @param {(x: number, y: number) => number[]} colour Red, green, blue, alpha.
 */
function picture(width, height, colour) {
  const pixels = Array.from({ length: width * height }, (_, pixel) => colour(pixel % width, Math.floor(pixel / width)));
  return /** @type {ImageData} */ ({ width, height, data: Uint8ClampedArray.from(pixels.flat()) });
}

const plain = (/** @type {number} */ value) => () => [value, value, value, 255];
const seen = (/** @type {ReturnType<typeof prepare>} */ steps) => [...(steps.at(-1)?.raster.values ?? [])];
const told = (/** @type {ReturnType<typeof prepare>} */ steps) => steps.map(({ what }) => what);

test("a raster of the right size is left alone", () => {
  const raster = { width: 2, height: 1, channels: 1, values: Uint8Array.from([3, 4]) };
  assert.equal(resize(raster, 2, 1), raster);
});

test("every pixel counts when a raster shrinks", () => {
  const stripes = Uint8Array.from({ length: 300 * 200 }, (_, pixel) => (pixel % 2 === 0 ? 0 : 200));
  for (const value of resize({ width: 300, height: 200, channels: 1, values: stripes }, 3, 2).values) {
    assert.ok(Math.abs(value - 100) <= 4, `${value}`);
  }
});

test("a raster of one pixel fills any size, and channels stay apart", () => {
  const { values } = resize({ width: 1, height: 1, channels: 3, values: Uint8Array.from([1, 2, 3]) }, 2, 2);
  assert.deepEqual([...values], [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
});

test("a picture becomes what the component makes of it, to the last bit", () => {
  // The component's own tests have the same picture, and the same sums: `preprocess.rs`.
  let state = 77;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  };
  const noise = Array.from({ length: 97 * 53 }, () => [next(), next(), next(), next()]);
  const transparent = picture(97, 53, (x, y) => noise[y * 97 + x]);
  const opaque = picture(97, 53, (x, y) => [...noise[y * 97 + x].slice(0, 3), 255]);
  /** @param {Preparation["fit"]} fit @param {Preparation["invert"]} invert @param {number} channels */
  const sums = (fit, invert, channels) =>
    [opaque, transparent].map(picture =>
      seen(prepare(picture, { fit, invert }, { width: 28, height: 28, channels })).reduce(
        (sum, value) => Math.imul(sum ^ value, 16_777_619) >>> 0,
        2_166_136_261,
      ),
    );
  assert.deepEqual(sums("stretch", "never", 1), [3_770_686_260, 3_052_092_630]);
  assert.deepEqual(sums("stretch", "never", 3), [4_122_348_451, 2_294_401_093]);
  assert.deepEqual(sums("contain", "always", 1), [1_151_281_241, 1_053_514_827]);
  assert.deepEqual(sums("contain", "never", 3), [4_229_726_092, 2_231_201_062]);
  assert.deepEqual(sums("crop", "auto", 1), [1_206_114_570, 1_254_660_918]);
});

test("a picture becomes grey by its luma", () => {
  const steps = prepare(
    picture(4, 4, () => [255, 0, 0, 255]),
    LEFT_ALONE,
    GREY,
  );
  assert.deepEqual(seen(steps), Array(16).fill(54));
  assert.deepEqual(told(steps), ["The picture, 4 × 4", "Converted to grey"]);
});

test("a grey picture of the right size is one step, and a colour model gets its three channels", () => {
  const grey = picture(4, 4, plain(9));
  assert.deepEqual(told(prepare(grey, LEFT_ALONE, GREY)), ["The picture, 4 × 4"]);
  assert.deepEqual(seen(prepare(grey, LEFT_ALONE, COLOUR)), Array(48).fill(9));
});

test("what is transparent shows black", () => {
  const half = prepare(
    picture(4, 4, () => [200, 200, 200, 128]),
    LEFT_ALONE,
    GREY,
  );
  assert.deepEqual(seen(half), Array(16).fill(100));
});

test("what is dark and transparent is taken as ink, and is not exchanged once more", () => {
  const shape = picture(4, 4, (x, y) => [0, 0, 0, 60 * y + x]);
  const expected = Array.from({ length: 16 }, (_, pixel) => 60 * Math.floor(pixel / 4) + (pixel % 4));
  for (const invert of /** @type {const} */ (["never", "auto", "always"])) {
    const steps = prepare(shape, { fit: "stretch", invert }, GREY);
    assert.deepEqual([seen(steps), told(steps)[1]], [expected, "Inverted, because it is dark on transparent"]);
  }
  const opaque = picture(4, 4, plain(7));
  assert.deepEqual(seen(prepare(opaque, LEFT_ALONE, GREY)), Array(16).fill(7));
  const lightSomewhere = picture(4, 4, (x, y) => (x + y ? [0, 0, 0, 0] : [64, 64, 64, 255]));
  assert.equal(seen(prepare(lightSomewhere, LEFT_ALONE, GREY))[0], 64);
});

test("light and dark of what is transparent change places within its shape: around it stays black", () => {
  const cutOut = picture(4, 4, (x, y) => [90, 90, 90, (x + y) % 2 ? 255 : 0]);
  const always = prepare(cutOut, { fit: "stretch", invert: "always" }, GREY);
  assert.deepEqual(seen(always).slice(0, 5), [0, 165, 0, 165, 165]);
});

test("a PNG of 16 bits is read in its upper 8, or its lower where nothing else is filled", async () => {
  Object.assign(globalThis, { ImageData: Pixels });
  const image = gunzipSync(readFileSync(at("models/data/t10k-images-idx3-ubyte.gz"))).subarray(16, 16 + 784);
  for (const name of [
    "png-16-bit-grey",
    "png-16-bit-colour",
    "png-16-bit-low-grey",
    "png-16-bit-low-colour",
    "png-16-bit-interlaced",
    "png-alpha-opaque-grey-16-bit",
    "png-alpha-cut-out-colour-16-bit",
    "png-alpha-ink-colour-16-bit",
    "png-alpha-opaque-16-bit-low-colours",
    "png-exif-6-16-bit-low",
  ]) {
    const file = new Blob([readFileSync(at(`wit/corpus/files/${name}`))]);
    const pixels = /** @type {ImageData} */ (await pixelsOf16(file));
    assert.deepEqual(seen(prepare(pixels, LEFT_ALONE, { width: 28, height: 28, channels: 1 })), [...image], name);
  }
});

test("other pictures, and what is damaged, are left to the browser", async () => {
  for (const name of ["png-colour", "jpeg-grey"]) {
    assert.equal(await pixelsOf16(new Blob([readFileSync(at(`wit/corpus/files/${name}`))])), undefined, name);
  }
  const whole = readFileSync(at("wit/corpus/files/png-16-bit-grey"));
  for (const length of [0, 8, 30, 60, whole.length / 2]) {
    assert.equal(await pixelsOf16(new Blob([whole.subarray(0, length)])), undefined, `${length}`);
  }
});

test("light and dark change places where the border is light, and only then", () => {
  const auto = /** @type {const} */ ({ fit: "stretch", invert: "auto" });
  const framed = (/** @type {number} */ border, /** @type {number} */ within) =>
    picture(4, 4, (x, y) => plain(x % 3 === 0 || y % 3 === 0 ? border : within)());
  const light = prepare(framed(250, 0), auto, GREY);
  assert.deepEqual([seen(light)[0], seen(light)[5]], [5, 255]);
  assert.match(told(light)[1], /because its border is light \(250 of 255\)/);
  assert.deepEqual(seen(prepare(framed(10, 255), auto, GREY)).slice(0, 6), [10, 10, 10, 10, 10, 255]);
  const always = /** @type {const} */ ({ fit: "stretch", invert: "always" });
  assert.equal(seen(prepare(framed(10, 255), always, GREY))[0], 245);
  assert.equal(seen(prepare(framed(250, 0), LEFT_ALONE, GREY))[0], 250);
});

test("a wide picture gets margins, or is cut to its middle, or is stretched", () => {
  const wide = picture(8, 4, x => plain(x < 2 || x > 5 ? 100 : 200)());
  const whole = prepare(wide, { fit: "contain", invert: "never" }, GREY);
  assert.equal(told(whole)[1], "Margins in the colour of its border, 8 × 8");
  assert.equal(whole[1].raster.height, 8);
  assert.deepEqual([...whole[1].raster.values.slice(0, 16)], Array(16).fill(140));
  assert.deepEqual([...whole[1].raster.values.slice(16, 24)], [100, 100, 200, 200, 200, 200, 100, 100]);
  const middle = prepare(wide, { fit: "crop", invert: "never" }, GREY);
  assert.equal(told(middle)[1], "The middle 4 × 4");
  assert.deepEqual(seen(middle), Array(16).fill(200));
  assert.deepEqual(told(prepare(wide, LEFT_ALONE, GREY)), ["The picture, 8 × 4", "Made 4 × 4"]);
});

test("margins go on with the border, and are inverted with it", () => {
  const paper = picture(8, 4, (x, y) => (x % 7 === 0 || y % 3 === 0 ? [250, 246, 238, 255] : [20, 30, 40, 255]));
  const margin = (/** @type {Preparation["invert"]} */ invert) =>
    seen(prepare(paper, { fit: "contain", invert }, { width: 8, height: 8, channels: 3 })).slice(0, 3);
  assert.deepEqual(margin("never"), [250, 246, 238]);
  assert.deepEqual(margin("auto"), [5, 9, 17]);
  const cutOut = picture(8, 4, (x, y) => [90, 90, 90, x % 7 === 0 || y % 3 === 0 ? 0 : 255]);
  for (const invert of /** @type {const} */ (["never", "auto", "always"])) {
    const steps = prepare(cutOut, { fit: "contain", invert }, { width: 8, height: 8, channels: 1 });
    assert.deepEqual(seen(steps).slice(0, 24), Array(24).fill(0));
  }
});

test("a tall picture is cut to its middle, too, and one of a single pixel fits", () => {
  const tall = picture(2, 7, (_, y) => plain(y * 10)());
  const middle = prepare(tall, { fit: "crop", invert: "never" }, { width: 2, height: 2, channels: 1 });
  assert.deepEqual(seen(middle), [30, 30, 40, 40]);
  for (const fit of /** @type {const} */ (["contain", "crop", "stretch"])) {
    assert.deepEqual(seen(prepare(picture(1, 1, plain(5)), { fit, invert: "never" }, GREY)), Array(16).fill(5));
  }
});

test("files are told by their first bytes, and ONNX by its name", () => {
  const bytes = (/** @type {string} */ text) => Uint8Array.from([...text].map(character => character.charCodeAt(0)));
  /** @type {[string, Uint8Array, string][]} */
  const files = [
    ["a.png", bytes("\x89PNG\r\n\x1a\n"), "picture"],
    ["no-ending", bytes("\xff\xd8\xff\xe0"), "picture"],
    ["a.webp", bytes("RIFF1234WEBP"), "picture"],
    ["a.wav", bytes("RIFF\x01\x02\x03\x04WAVE"), "unknown"],
    ["a.onnx", bytes("\x08\x07\x12"), "onnx"],
    ["a.wasm", bytes("\0asm\x01"), "wasm"],
    ["a.onnx", bytes("\0asm\x01"), "wasm"],
    ["notes.txt", new TextEncoder().encode("Grüße\n"), "text"],
    ["cut.txt", new TextEncoder().encode("Grü").subarray(0, 3), "text"],
    ["x.bin", bytes("\x01\x02\x03"), "unknown"],
    ["", new Uint8Array(), "empty"],
  ];
  for (const [name, head, kind] of files) {
    assert.equal(kindOfBytes(name, head), kind, name);
  }
});

test("every picture of the corpus is recognised", () => {
  const names = readdirSync(at("wit/corpus/files")).map(name => name.match(/^(png|jpeg|webp|gif|bmp|tiff)-.*/));
  const pictures = names.filter(name => name !== null);
  assert.ok(pictures.length > 100);
  for (const [name, type] of pictures) {
    assert.equal(pictureType(readFileSync(at(`wit/corpus/files/${name}`))), `image/${type}`, name);
  }
});

test("a file is sent as what its bytes show, else as what its name says, as `host classify` does", () => {
  const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const jpeg = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0]);
  for (const [name, bytes, type] of /** @type {[string, Uint8Array, string | undefined][]} */ ([
    ["shoe.jpg", png, "image/png"],
    ["shoe", jpeg, "image/jpeg"],
    ["a.b.JPEG", new Uint8Array(4), "image/jpeg"],
    ["list.json", new Uint8Array(), "application/json"],
    ["array.npy", new Uint8Array(), "application/x-npy"],
    ["shoe.png", new TextEncoder().encode("RIFF\x10\0\0\0WEBPVP8 "), "image/webp"],
    ["shoe.png", new TextEncoder().encode("BM\x36\x04\0\0\0\0\0\0\x36\x04\0\0\x28\0\0\0"), "image/bmp"],
    ["shoe.TIF", new TextEncoder().encode("BM as text goes on"), "image/tiff"],
    ["shoe.heic", new Uint8Array(), undefined],
    ["png", new Uint8Array(), undefined],
    [".png", new Uint8Array(), undefined],
  ])) {
    assert.equal(mediaTypeOf(name, bytes, type ? ["text/plain", `${type}; x=1`] : []), type, name);
  }
  assert.throws(
    () => mediaTypeOf("shoe.png", png, ["application/json"]),
    /^Error: it is image\/png, and the component takes application\/json: give it pixels of its size/,
  );
});
