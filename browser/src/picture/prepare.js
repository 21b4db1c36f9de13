// From a picture of any size and colour to what the model sees, step by step, so that each step can be shown.

import { resize } from "./resize.js";

/** @typedef {import("./resize.js").Raster} Raster */

/**
 * How a picture is made to fit, in the words of the host's `--fit` and `--invert`.
 *
 * @typedef {object} Preparation
 * @property {"contain" | "crop" | "stretch"} fit The whole of it in shape, with margins; the middle of it; or stretched, which
 *   is what the host does unless told otherwise.
 * @property {"auto" | "always" | "never"} invert Whether light and dark change places; by itself where the border is light, as
 *   models of this kind are taught light things on black. The host never does unless told.
 */

/**
 * @typedef {object} Step
 * @property {string} what Has been done, for people.
 * @property {Raster} raster What came of it.
 */

/** A border is light from this mean of its grey values on. */
const LIGHT = 128;
/** On black nothing is seen of what stays below this. */
const DARK = 64;

/**
 * @param {ImageData} picture
 * @param {Preparation} preparation
 * @param {{ width: number, height: number, channels: number }} model
 * @returns {Step[]} From the picture to the model's image; the last one is what the model sees.
 */
export function prepare(picture, preparation, model) {
  /** @type {Step[]} */
  const steps = [];
  /**
   * @param {string} what
   * @param {Raster} raster
   */
  const step = (what, raster) => {
    steps.push({ what, raster });
    return raster;
  };
  const size = `${picture.width} × ${picture.height}`;
  const { isInk, colours } = opaque(picture);
  let raster = model.channels === 1 ? grey(colours) : colours;
  if (raster !== colours && !isGrey(colours)) {
    step(`The picture, ${size}`, colours);
    step("Turned grey", raster);
  } else {
    step(`The picture, ${size}`, raster);
  }
  const border = brightness(raster);
  const isLight = border >= LIGHT;
  if (isInk) {
    steps[0].what += ", dark on nothing: its shape taken as light";
  } else if (preparation.invert === "always" || (preparation.invert === "auto" && isLight)) {
    const why = preparation.invert === "auto" ? `, as its border is light (${Math.round(border)} of 255)` : "";
    raster = step(`Light and dark exchanged${why}`, inverted(raster));
  }
  raster = fit(raster, preparation.fit, model, step);
  if (raster.width !== model.width || raster.height !== model.height) {
    step(`Made ${model.width} × ${model.height}`, resize(raster, model.width, model.height));
  }
  return steps;
}

/**
 * In the shape of the model's image.
 *
 * @param {Raster} raster
 * @param {Preparation["fit"]} how
 * @param {{ width: number, height: number }} model
 * @param {(what: string, raster: Raster) => Raster} step
 */
function fit(raster, how, model, step) {
  const { width, height } = raster;
  const across = model.width / model.height;
  if (how === "stretch" || Math.abs(width / height / across - 1) < 0.01) {
    return raster;
  }
  const wider = width / height > across;
  if (how === "crop") {
    const part = {
      width: wider ? Math.max(1, Math.round(height * across)) : width,
      height: wider ? height : Math.max(1, Math.round(width / across)),
    };
    return step(`The middle ${part.width} × ${part.height}`, window(raster, part.width, part.height));
  }
  const whole = {
    width: wider ? width : Math.round(height * across),
    height: wider ? Math.round(width / across) : height,
  };
  return step(`Black margins around it, ${whole.width} × ${whole.height}`, window(raster, whole.width, whole.height));
}

/**
 * A picture with three channels. What is transparent shows the black behind it. A picture that is dark throughout, of which
 * nothing would be seen so, has its shape in its transparency, as ink on paper: it is put on white, and light and dark change
 * places.
 *
 * @param {ImageData} picture
 * @returns {{ isInk: boolean, colours: Raster }}
 */
function opaque({ width, height, data }) {
  const black = new Uint8ClampedArray(width * height * 3);
  let isOpaque = true;
  for (let pixel = 0; pixel < width * height; pixel++) {
    const alpha = data[pixel * 4 + 3];
    isOpaque &&= alpha === 255;
    for (let channel = 0; channel < 3; channel++) {
      black[pixel * 3 + channel] = Math.floor((data[pixel * 4 + channel] * alpha + 127) / 255);
    }
  }
  const isInk = !isOpaque && grey({ width, height, channels: 3, values: black }).values.every(value => value < DARK);
  const values = isInk ? black.map((value, place) => data[Math.floor(place / 3) * 4 + 3] - value) : black;
  return { isInk, colours: { width, height, channels: 3, values } };
}

/** How much of the luma red, green and blue have, in ten-thousandths (ITU-R BT.709). */
const [RED, GREEN, BLUE] = [2126, 7152, 722];

/**
 * @param {Raster} raster Of three channels.
 * @returns {Raster}
 */
function grey({ width, height, values: colours }) {
  const values = new Uint8ClampedArray(width * height);
  for (let pixel = 0; pixel < values.length; pixel++) {
    const place = pixel * 3;
    const luma = colours[place] * RED + colours[place + 1] * GREEN + colours[place + 2] * BLUE;
    values[pixel] = Math.floor((luma + 5000) / 10_000);
  }
  return { width, height, channels: 1, values };
}

/** @param {Raster} raster Of three channels. */
function isGrey({ values }) {
  return values.every((value, place) => value === values[place - (place % 3)]);
}

/**
 * @param {Raster} raster
 * @returns {Raster}
 */
function inverted({ values, ...raster }) {
  return { ...raster, values: values.map(value => 255 - value) };
}

/**
 * The mean of the outermost pixels, 0 to 255.
 *
 * @param {Raster} raster
 */
function brightness({ width, height, channels, values }) {
  let sum = 0;
  let count = 0;
  for (let y = 0; y < height; y++) {
    const step = y === 0 || y === height - 1 ? 1 : Math.max(1, width - 1);
    for (let x = 0; x < width; x += step) {
      for (let channel = 0; channel < channels; channel++) {
        sum += values[(y * width + x) * channels + channel];
        count++;
      }
    }
  }
  return sum / count;
}

/**
 * A part of a picture, or more than it with black around; either way its middle stays in the middle.
 *
 * @param {Raster} raster
 * @param {number} width
 * @param {number} height
 * @returns {Raster}
 */
function window(raster, width, height) {
  const { channels } = raster;
  const values = new Uint8ClampedArray(width * height * channels);
  const left = Math.floor((width - raster.width) / 2);
  const top = Math.floor((height - raster.height) / 2);
  for (let y = Math.max(0, top); y < Math.min(height, top + raster.height); y++) {
    const from = Math.max(0, -left);
    const length = Math.min(raster.width, width);
    const start = ((y - top) * raster.width + from) * channels;
    values.set(raster.values.subarray(start, start + length * channels), (y * width + Math.max(0, left)) * channels);
  }
  return { width, height, channels, values };
}
