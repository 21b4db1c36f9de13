// From a picture of any size and colour to what the model sees, step by step, so that each step can be shown.

import { resize } from "./resize.js";

/** @typedef {import("./resize.js").Raster} Raster */

/**
 * How to prepare a picture, as the host's `--fit` and `--invert` have it.
 *
 * @typedef {object} Preparation
 * @property {"contain" | "crop" | "stretch"} fit Keep its aspect ratio with margins; use its middle; or stretch it.
 * @property {"auto" | "always" | "never"} invert `auto`: if its border is light, because models of grey images are usually trained
 *   on light objects on black.
 */

/**
 * @typedef {object} Step
 * @property {string} what What was done, for people.
 * @property {Raster} raster The result.
 */

/** A border with at least this mean is light. */
const LIGHT = 128;
/** Below this a value is invisible on black. */
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
  const { alpha, colours } = onBlack(picture);
  let raster = model.channels === 1 ? grey(colours) : colours;
  if (raster !== colours && !isGrey(colours)) {
    step(`The picture, ${size}`, colours);
    step("Converted to grey", raster);
  } else {
    step(`The picture, ${size}`, raster);
  }
  const { sums, pixels } = border(raster);
  const brightness = sums.reduce((sum, value) => sum + value) / pixels / sums.length;
  const isLight = brightness >= LIGHT;
  if (isInk(colours, alpha)) {
    raster = step("Inverted, because it is dark on transparent", inverted(raster, alpha));
  } else if (preparation.invert === "always" || (preparation.invert === "auto" && isLight)) {
    const why = preparation.invert === "auto" ? `, because its border is light (${Math.round(brightness)} of 255)` : "";
    raster = step(`Inverted${why}`, inverted(raster, alpha));
  }
  raster = fit(raster, preparation.fit, model, step);
  if (raster.width !== model.width || raster.height !== model.height) {
    step(`Made ${model.width} × ${model.height}`, resize(raster, model.width, model.height));
  }
  return steps;
}

/**
 * With the aspect ratio of the model's image.
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
  const { sums, pixels } = border(raster);
  const colour = sums.map(sum => Math.floor(sum / pixels + 0.5));
  const framed = window(raster, whole.width, whole.height, colour);
  return step(`Margins in the colour of its border, ${whole.width} × ${whole.height}`, framed);
}

/**
 * A picture on black with three channels, and how opaque each pixel is.
 *
 * @param {ImageData} picture
 * @returns {{ alpha: Uint8ClampedArray, colours: Raster }}
 */
function onBlack({ width, height, data }) {
  const alpha = new Uint8ClampedArray(width * height);
  const values = new Uint8ClampedArray(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    alpha[pixel] = data[pixel * 4 + 3];
    for (let channel = 0; channel < 3; channel++) {
      values[pixel * 3 + channel] = Math.floor((data[pixel * 4 + channel] * alpha[pixel] + 127) / 255);
    }
  }
  return { alpha, colours: { width, height, channels: 3, values } };
}

/**
 * Whether a picture is invisible on black: dark throughout, it has its shape in its transparency, like ink on paper.
 *
 * @param {Raster} colours On black.
 * @param {Uint8ClampedArray} alpha
 */
function isInk(colours, alpha) {
  return alpha.some(value => value < 255) && grey(colours).values.every(value => value < DARK);
}

/** The weights of red, green and blue in the luma (ITU-R BT.709), of `WHITE`: an odd number, so that no value is half-way. */
const [RED, GREEN, BLUE, WHITE] = [2126, 7152, 721, 9999];

/**
 * @param {Raster} raster Of three channels.
 * @returns {Raster}
 */
function grey({ width, height, values: colours }) {
  const values = new Uint8ClampedArray(width * height);
  for (let pixel = 0; pixel < values.length; pixel++) {
    const place = pixel * 3;
    const luma = colours[place] * RED + colours[place + 1] * GREEN + colours[place + 2] * BLUE;
    values[pixel] = Math.floor((luma + (WHITE - 1) / 2) / WHITE);
  }
  return { width, height, channels: 1, values };
}

/** @param {Raster} raster Of three channels. */
function isGrey({ values }) {
  return values.every((value, place) => value === values[place - (place % 3)]);
}

/**
 * Inverted; transparent pixels stay black.
 *
 * @param {Raster} raster
 * @param {Uint8ClampedArray} alpha
 * @returns {Raster}
 */
function inverted({ values, ...raster }, alpha) {
  const { channels } = raster;
  return { ...raster, values: values.map((value, place) => alpha[Math.floor(place / channels)] - value) };
}

/**
 * How many pixels are outermost, and the sums of their values in each channel.
 *
 * @param {Raster} raster
 */
function border({ width, height, channels, values }) {
  /** @type {number[]} */
  const sums = Array(channels).fill(0);
  let pixels = 0;
  for (let y = 0; y < height; y++) {
    const step = y === 0 || y === height - 1 ? 1 : Math.max(1, width - 1);
    for (let x = 0; x < width; x += step) {
      for (let channel = 0; channel < channels; channel++) {
        sums[channel] += values[(y * width + x) * channels + channel];
      }
      pixels++;
    }
  }
  return { sums, pixels };
}

/**
 * A part of a picture, or more than it with a margin around; either way its middle stays in the middle.
 *
 * @param {Raster} raster
 * @param {number} width
 * @param {number} height
 * @param {number[]} [margin] Its colour.
 * @returns {Raster}
 */
function window(raster, width, height, margin = []) {
  const { channels } = raster;
  const values = new Uint8ClampedArray(width * height * channels);
  for (const [channel, value] of margin.entries()) {
    for (let place = channel; place < values.length; place += channels) {
      values[place] = value;
    }
  }
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
