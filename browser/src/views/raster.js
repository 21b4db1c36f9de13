// Pixels made visible.

/** The longest side of what is shown, in pixels: it is looked at in the size of a thumb. */
const LONGEST = 256;

/** @typedef {import("../picture/resize.js").Raster} Raster */

/**
 * A canvas that is decoration: what it shows is said beside it.
 *
 * @param {Raster} raster
 */
export function canvasOf(raster) {
  const whole = context(raster.width, raster.height);
  whole.putImageData(picture(raster), 0, 0);
  whole.canvas.ariaHidden = "true";
  const scale = LONGEST / Math.max(raster.width, raster.height);
  if (scale >= 1) {
    return whole.canvas;
  }
  const small = context(Math.ceil(raster.width * scale), Math.ceil(raster.height * scale));
  small.drawImage(whole.canvas, 0, 0, small.canvas.width, small.canvas.height);
  small.canvas.ariaHidden = "true";
  return small.canvas;
}

/** @param {Raster} raster */
function picture({ width, height, channels, values }) {
  const picture = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      picture.data[pixel * 4 + channel] = values[pixel * channels + (channels === 1 ? 0 : channel)];
    }
    picture.data[pixel * 4 + 3] = 255;
  }
  return picture;
}

/**
 * @param {number} width
 * @param {number} height
 */
function context(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}
