// Decodes pictures and prepares them, apart from the page's thread: a photograph of 12 megapixels takes a second or two, and
// the page answers meanwhile.

import { serve } from "../component/calls.js";
import { imageDataOf, pixelsOf } from "./open.js";
import { prepare } from "./prepare.js";

/** @typedef {import("./prepare.js").Preparation} Preparation */
/** @typedef {import("./resize.js").Raster} Raster */

/**
 * A step as it is shown.
 *
 * @typedef {{ what: string, picture: ImageBitmap }} Shown
 */

/**
 * What becomes of a picture.
 *
 * @typedef {{ steps: Shown[], seen: Raster }} Prepared `seen` is what the model sees.
 */

/** The longest side of what is shown, in pixels: it is looked at in the size of a thumb. */
const LONGEST = 256;

/** The most pixels of a picture with its margins: a long and narrow one would take the browser's memory and minutes. */
const SQUARE = 2 ** 26;

/** The picture that came last: every model, and every other way to prepare it, takes the same pixels. */
const latest = { id: -1, pixels: /** @type {Promise<ImageData>} */ (Promise.reject()) };
latest.pixels.catch(() => {});

serve(self, {
  /**
   * @param {number} id Of the picture: the same one need not be decoded again.
   * @param {Blob | ImageData} source
   * @param {Preparation} preparation
   * @param {{ width: number, height: number, channels: number }} model
   * @param {(what: string) => void} progress
   * @returns {Promise<Prepared>}
   * @throws {Error} where this browser cannot decode the file.
   */
  async prepare(id, source, preparation, model, progress) {
    if (latest.id !== id) {
      progress("Decoding");
      latest.id = id;
      latest.pixels = source instanceof Blob ? pixelsOf(source) : Promise.resolve(source);
    }
    const pixels = await latest.pixels;
    if (preparation.fit === "contain" && Math.max(pixels.width, pixels.height) ** 2 > SQUARE) {
      throw new Error("with its margins this picture is too large to show");
    }
    progress("Preparing");
    const steps = prepare(pixels, preparation, model);
    return {
      steps: steps.map(({ what, raster }) => ({ what, picture: small(raster) })),
      seen: /** @type {import("./prepare.js").Step} */ (steps.at(-1)).raster,
    };
  },
});

/** @param {Raster} raster */
function small(raster) {
  const { width, height } = raster;
  const whole = context(width, height);
  whole.putImageData(imageDataOf(raster), 0, 0);
  const scale = LONGEST / Math.max(width, height);
  if (scale >= 1) {
    return whole.canvas.transferToImageBitmap();
  }
  const shown = context(Math.ceil(width * scale), Math.ceil(height * scale));
  shown.drawImage(whole.canvas, 0, 0, shown.canvas.width, shown.canvas.height);
  return shown.canvas.transferToImageBitmap();
}

/**
 * @param {number} width
 * @param {number} height
 */
function context(width, height) {
  return /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(width, height).getContext("2d"));
}
