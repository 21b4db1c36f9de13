// The Fashion-MNIST test images, and which class each of them is of.

import { expanded } from "../component/download.js";
import { readIdx } from "./idx.js";

/** The classes of Fashion-MNIST, in its order: https://github.com/zalandoresearch/fashion-mnist#labels. */
export const CLASSES = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

/** Pixels to a side; one grey value 0 to 255 for each. */
export const SIDE = 28;

/** Test images in memory. */
export class TestImages {
  /**
   * @param {Uint8Array} images An IDX file.
   * @param {Uint8Array} labels Another.
   */
  constructor(images, labels) {
    const { sizes, values } = readIdx(images);
    const [count] = sizes;
    this.count = count;
    this.pixels = values;
    this.classes = readIdx(labels).values;
    if (sizes.length !== 3 || sizes[1] !== SIDE || sizes[2] !== SIDE || this.classes.length !== count) {
      throw new Error(`the test images are damaged: ${sizes.join(" x ")} values for ${this.classes.length} labels`);
    }
  }

  /**
   * @param {number} number From 0.
   * @param {number} [count]
   */
  slice(number, count = 1) {
    return this.pixels.subarray(number * SIDE * SIDE, (number + count) * SIDE * SIDE);
  }

  /** What an image is called, counted from 1. @param {number} number */
  name(number) {
    return `Test image ${number + 1}`;
  }

  /** What it is. @param {number} number */
  label(number) {
    return CLASSES[this.classes[number]];
  }

  /**
   * @param {"first" | "all"} which The first hundred, or all ten thousand.
   * @param {import("../component/download.js").Progress} [progress]
   */
  static async load(which, progress) {
    const [images, labels] = await Promise.all([
      expanded(`test-images/${which}-images`, progress),
      expanded(`test-images/${which}-labels`),
    ]);
    return new TestImages(images, labels);
  }
}
