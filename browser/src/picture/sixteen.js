// PNG files of 16 bits, read as the component reads them: a browser takes the upper 8 of them, and a picture that some program
// wrote into the lower 8 would be black. https://www.w3.org/TR/png-3/

/** The most pixels that are worked on, which is as many as any browser's canvas has. */
export const MOST = 2 ** 24;
/** By colour type: grey; red, green and blue; either with alpha. @type {Record<number, number>} */
const SAMPLES = { 0: 1, 2: 3, 4: 2, 6: 4 };
/** The passes of an interlaced picture: the first column and the step to the next, and the same of rows. */
const PASSES = [
  [0, 8, 0, 8],
  [4, 8, 0, 8],
  [0, 4, 4, 8],
  [2, 4, 0, 4],
  [0, 2, 2, 4],
  [1, 2, 0, 2],
  [0, 1, 1, 2],
];

/**
 * @param {Blob} file
 * @returns {Promise<ImageData | undefined>} Upright; nothing where it is another picture, or damaged: the browser says so.
 */
export async function pixelsOf16(file) {
  const start = new DataView(await file.slice(0, 29).arrayBuffer());
  if (start.byteLength < 29 || start.getUint32(0) !== 0x89504e47 || start.getUint32(12) !== 0x49484452) {
    return undefined;
  }
  const [width, height, samples] = [start.getUint32(16), start.getUint32(20), SAMPLES[start.getUint8(25)]];
  if (start.getUint8(24) !== 16 || !samples || width * height > MOST) {
    return undefined;
  }
  const { data, transparent, orientation } = chunks(new DataView(await file.arrayBuffer()));
  const passes = (start.getUint8(28) === 1 ? PASSES : [[0, 1, 0, 1]]).filter(
    ([left, , top]) => left < width && top < height,
  );
  const part = passes.map(([left, across, top, down]) => ({
    columns: Math.ceil((width - left) / across),
    rows: Math.ceil((height - top) / down),
  }));
  const rowBytes = (/** @type {number} */ columns) => 1 + columns * samples * 2;
  const length = part.reduce((sum, { columns, rows }) => sum + rows * rowBytes(columns), 0);
  const bytes = await inflated(data, length);
  if (!bytes) {
    return undefined;
  }
  const words = new Uint16Array(width * height * samples);
  let from = 0;
  for (const [number, [left, across, top, down]] of passes.entries()) {
    const { columns, rows } = part[number];
    for (let row = 0; row < rows; row++) {
      const line = bytes.subarray(from, from + rowBytes(columns));
      unfilter(line, row > 0 ? bytes.subarray(from - line.length, from) : undefined, samples * 2);
      for (let place = 0; place < columns * samples; place++) {
        const column = left + across * Math.floor(place / samples);
        const pixel = (top + down * row) * width + column;
        words[pixel * samples + (place % samples)] = (line[1 + place * 2] << 8) | line[2 + place * 2];
      }
      from += line.length;
    }
  }
  return upright(eightBits(words, samples, transparent), width, height, orientation);
}

/**
 * What is needed of the chunks.
 *
 * @param {DataView} file
 */
function chunks(file) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const data = [];
  /** @type {number[] | undefined} */
  let transparent;
  let orientation = 1;
  for (let at = 8; at + 12 <= file.byteLength; ) {
    const length = Math.min(file.getUint32(at), file.byteLength - at - 12);
    const content = new DataView(file.buffer, at + 8, length);
    const kind = file.getUint32(at + 4);
    if (kind === 0x49444154) {
      data.push(new Uint8Array(/** @type {ArrayBuffer} */ (file.buffer), at + 8, length));
    } else if (kind === 0x74524e53) {
      transparent = Array.from({ length: Math.floor(length / 2) }, (_, sample) => content.getUint16(sample * 2));
    } else if (kind === 0x65584966 && data.length === 0) {
      orientation = orientationOf(content);
    }
    at += length + 12;
  }
  return { data, transparent, orientation };
}

/**
 * The orientation in an Exif block, 1 to 8; 1 where it says none.
 *
 * @param {DataView} exif
 */
function orientationOf(exif) {
  try {
    const isLittle = exif.getUint16(0) === 0x4949;
    const directory = exif.getUint32(4, isLittle);
    const count = exif.getUint16(directory, isLittle);
    for (let entry = directory + 2; entry < directory + 2 + count * 12; entry += 12) {
      if (exif.getUint16(entry, isLittle) === 0x0112) {
        const orientation = exif.getUint16(entry + 8, isLittle);
        return orientation >= 1 && orientation <= 8 ? orientation : 1;
      }
    }
  } catch {
    // It ends early.
  }
  return 1;
}

/**
 * @param {Uint8Array<ArrayBuffer>[]} data
 * @param {number} length Of what comes out, which is no more than that; less is damage.
 */
async function inflated(data, length) {
  const bytes = new Uint8Array(length);
  let filled = 0;
  try {
    const stream = new Blob(data).stream().pipeThrough(new DecompressionStream("deflate"));
    const reader = stream.getReader();
    while (filled < length) {
      const { done, value } = await reader.read();
      if (done) {
        return undefined;
      }
      bytes.set(value.subarray(0, length - filled), filled);
      filled += value.length;
    }
    await reader.cancel();
  } catch {
    return undefined;
  }
  return bytes;
}

/**
 * Undoes the filter of a row, in place; its first byte says which.
 *
 * @param {Uint8Array} line
 * @param {Uint8Array | undefined} above
 * @param {number} stride Bytes of a pixel.
 */
function unfilter(line, above, stride) {
  const [filter] = line;
  for (let place = 1; place < line.length; place++) {
    const left = place > stride ? line[place - stride] : 0;
    const up = above?.[place] ?? 0;
    if (filter === 1) {
      line[place] += left;
    } else if (filter === 2) {
      line[place] += up;
    } else if (filter === 3) {
      line[place] += (left + up) >> 1;
    } else if (filter === 4) {
      line[place] += paeth(left, up, place > stride ? (above?.[place - stride] ?? 0) : 0);
    }
  }
}

/**
 * @param {number} left
 * @param {number} up
 * @param {number} corner
 */
function paeth(left, up, corner) {
  const a = Math.abs(up - corner);
  const b = Math.abs(left - corner);
  const c = Math.abs(left + up - 2 * corner);
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/**
 * Red, green, blue and alpha in 8 bits. Samples that fill the lower 8 bits alone, of colours or of alpha, are taken as these;
 * others are made so to the nearest.
 *
 * @param {Uint16Array} words
 * @param {number} samples
 * @param {number[] | undefined} transparent The one colour that is transparent.
 */
function eightBits(words, samples, transparent) {
  const hasAlpha = samples % 2 === 0;
  const colours = hasAlpha ? samples - 1 : samples;
  const isLow = (/** @type {(sample: number) => boolean} */ isMeant) =>
    words.every((word, place) => word < 256 || !isMeant(place % samples));
  const [lowColours, lowAlpha] = [isLow(sample => sample < colours), hasAlpha && isLow(sample => sample === colours)];
  const eight = (/** @type {number} */ word, /** @type {boolean} */ low) =>
    low ? word : Math.floor((word + 128) / 257);
  const pixels = new Uint8ClampedArray((words.length / samples) * 4);
  for (let pixel = 0; pixel < words.length / samples; pixel++) {
    const at = pixel * samples;
    for (let channel = 0; channel < 3; channel++) {
      pixels[pixel * 4 + channel] = eight(words[at + (colours === 3 ? channel : 0)], lowColours);
    }
    const isTransparent = !hasAlpha && transparent?.every((word, sample) => word === words[at + sample]);
    pixels[pixel * 4 + 3] = hasAlpha ? eight(words[at + colours], lowAlpha) : isTransparent ? 0 : 255;
  }
  return pixels;
}

/**
 * @param {Uint8ClampedArray<ArrayBuffer>} pixels
 * @param {number} width As stored.
 * @param {number} height
 * @param {number} orientation As Exif has it.
 */
function upright(pixels, width, height, orientation) {
  if (orientation === 1) {
    return new ImageData(pixels, width, height);
  }
  const isOnItsSide = orientation > 4;
  const turned = isOnItsSide ? new ImageData(height, width) : new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const [column, row] = [pixel % width, Math.floor(pixel / width)];
    let [x, y] = isOnItsSide ? [row, column] : [column, row];
    x = [2, 3, 6, 7].includes(orientation) ? turned.width - 1 - x : x;
    y = [3, 4, 7, 8].includes(orientation) ? turned.height - 1 - y : y;
    turned.data.set(pixels.subarray(pixel * 4, pixel * 4 + 4), (y * turned.width + x) * 4);
  }
  return turned;
}
