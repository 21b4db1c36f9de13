// Pixels made visible.

/** @typedef {import("../picture/resize.js").Raster} Raster */

/**
 * @param {Raster} raster
 * @param {string} [label] What it shows; without one it is decoration.
 */
export function canvasOf({ width, height, channels, values }, label) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const picture = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      picture.data[pixel * 4 + channel] = values[pixel * channels + (channels === 1 ? 0 : channel)];
    }
    picture.data[pixel * 4 + 3] = 255;
  }
  canvas.getContext("2d")?.putImageData(picture, 0, 0);
  if (label) {
    canvas.role = "img";
    canvas.ariaLabel = label;
  } else {
    canvas.ariaHidden = "true";
  }
  return canvas;
}
