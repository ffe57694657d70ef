/*
 * Pictures of styles: checked, and brought to the size that styles are measured at. The same arithmetic as in
 * fast_nst.image.style, so that the page computes the code that Python would.
 */
import { PageError } from './errors';
import { roundToEven, scaled, type Size } from './sizes';

/** Least side of a picture, px: a smaller one holds no strokes that could be measured. */
const LEAST_SIDE = 32;
/** Most that the long side may be over the short side. */
const MAX_ASPECT = 8;
/** Least range of a color's values: rounding to 8 bits can cause a smaller one. */
const FLAT = 2;

export interface Tensor extends Size {
  /** (3, height, width), RGB in [0, 1]. */
  readonly values: Float32Array;
}

/**
 * Refuse what can be no style, without looking at pixels.
 *
 * @throws PageError that says why.
 */
export function checkSides(title: string, { width, height }: Size): void {
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  if (short < LEAST_SIDE) {
    throw new PageError(
      `${title} is ${width}x${height} px; a style image needs at least ${LEAST_SIDE} px a side. Use a larger one.`,
    );
  }
  if (long > MAX_ASPECT * short) {
    throw new PageError(
      `${title} is ${width}x${height} px; the long side of a style image may be at most ` +
        `${MAX_ASPECT} times the short side. Crop it.`,
    );
  }
}

/**
 * Refuse what can be no style.
 *
 * @param pixels RGBA, 8 bits.
 * @throws PageError that says why.
 */
export function checkPicture(title: string, size: Size, pixels: Uint8ClampedArray): void {
  checkSides(title, size);
  const least = [255, 255, 255];
  const most = [0, 0, 0];
  for (let p = 0; p < pixels.length; p++) {
    const color = p & 3;
    if (color === 3) continue;
    const value = pixels[p]!;
    if (value < least[color]!) least[color] = value;
    if (value > most[color]!) most[color] = value;
  }
  if (most.every((value, color) => value - least[color]! < FLAT)) {
    throw new PageError(`${title} is one flat color: it has no style. Use another image.`);
  }
}

/**
 * Scale a picture to a short side; a smaller one is enlarged with its edges sharp.
 *
 * @param pixels RGBA, 8 bits.
 * @param short px.
 */
export function fitPicture(pixels: Uint8ClampedArray, size: Size, short: number): Tensor {
  const factor = short / Math.min(size.width, size.height);
  const resized = resize(pixels, size, scaled(size, factor));
  if (factor <= 1) return resized;
  let { values } = resized;
  for (let step = roundToEven(1.25 * factor); step > 0; step--) {
    values = shock(values, resized, 0.45 * factor);
  }
  return { ...resized, values };
}

/** Taps of one output pixel: the first input pixel, and weights that sum to 1. */
interface Taps {
  readonly start: number;
  readonly weights: Float32Array;
}

/** Bicubic interpolation with antialiasing, as PyTorch and Pillow do it. */
function taps(from: number, to: number): Taps[] {
  const scale = from / to;
  const wide = Math.max(1, scale);
  return Array.from({ length: to }, (_, at) => {
    const center = scale * (at + 0.5);
    const start = Math.max(0, Math.trunc(center - 2 * wide + 0.5));
    const end = Math.min(from, Math.trunc(center + 2 * wide + 0.5));
    const weights = Float32Array.from({ length: end - start }, (_, tap) =>
      cubic((tap + start - center + 0.5) / wide),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { start, weights: weights.map((weight) => weight / sum) };
  });
}

/** Keys' cubic with a = -0.5. */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

function resize(pixels: Uint8ClampedArray, from: Size, to: Size): Tensor {
  const rows = taps(from.height, to.height);
  const columns = taps(from.width, to.width);
  const values = new Float32Array(3 * to.width * to.height);
  const narrow = new Float32Array(from.height * to.width);
  for (let color = 0; color < 3; color++) {
    for (let y = 0, out = 0; y < from.height; y++) {
      const row = 4 * y * from.width + color;
      for (const { start, weights } of columns) {
        let sum = 0;
        for (let tap = 0, p = row + 4 * start; tap < weights.length; tap++, p += 4) {
          sum += (weights[tap]!) * (pixels[p]!);
        }
        narrow[out++] = sum / 255;
      }
    }
    let out = color * to.width * to.height;
    for (const { start, weights } of rows) {
      for (let x = 0; x < to.width; x++) {
        let sum = 0;
        for (let tap = 0, p = start * to.width + x; tap < weights.length; tap++, p += to.width) {
          sum += (weights[tap]!) * (narrow[p]!);
        }
        values[out++] = Math.min(1, Math.max(0, sum));
      }
    }
  }
  return { values, width: to.width, height: to.height };
}

/** One step of the shock filter of fast_nst.image.style.enlarge. */
function shock(values: Float32Array, size: Size, sigma: number): Float32Array {
  const count = size.width * size.height;
  const luminance = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    luminance[i] = (values[i]! + values[count + i]! + values[2 * count + i]!) / 3;
  }
  const smooth = blur(luminance, size, sigma);
  const smoother = blur(smooth, size, 1);
  const dark = smooth.map((value, i) => 1 / (1 + Math.exp(-400 * (smoother[i]! - value))));
  const result = new Float32Array(values.length);
  for (let color = 0; color < 3; color++) {
    const plane = values.subarray(color * count, (color + 1) * count);
    const least = around(plane, size, Math.min);
    const most = around(plane, size, Math.max);
    for (let i = 0; i < count; i++) {
      const edge = dark[i]! * least[i]! + (1 - dark[i]!) * most[i]!;
      result[color * count + i] = 0.5 * plane[i]! + 0.5 * edge;
    }
  }
  return result;
}

/** Gaussian blur; at the border, the last pixel is repeated. */
function blur(plane: Float32Array, size: Size, sigma: number): Float32Array {
  const radius = roundToEven(3 * sigma) + 1;
  const line = Float32Array.from({ length: 2 * radius + 1 }, (_, at) =>
    Math.exp(-0.5 * ((at - radius) / sigma) ** 2),
  );
  const sum = line.reduce((total, weight) => total + weight, 0);
  const weights = line.map((weight) => weight / sum);
  const { width, height } = size;
  const down = along(plane, weights, radius, { count: height, step: width }, { count: width, step: 1 });
  return along(down, weights, radius, { count: width, step: 1 }, { count: height, step: width });
}

interface Axis {
  readonly count: number;
  readonly step: number;
}

function along(plane: Float32Array, weights: Float32Array, radius: number, axis: Axis, other: Axis): Float32Array {
  const result = new Float32Array(plane.length);
  for (let line = 0; line < other.count; line++) {
    const first = line * other.step;
    for (let at = 0; at < axis.count; at++) {
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap++) {
        const near = Math.min(axis.count - 1, Math.max(0, at + tap - radius));
        sum += weights[tap]! * plane[first + near * axis.step]!;
      }
      result[first + at * axis.step] = sum;
    }
  }
  return result;
}

/** The least, or most, of each pixel and its eight neighbours. */
function around(
  plane: Float32Array,
  { width, height }: Size,
  choose: (a: number, b: number) => number,
): Float32Array {
  const lines = new Float32Array(plane.length);
  for (let i = 0; i < plane.length; i++) {
    const x = i % width;
    const left = x > 0 ? plane[i - 1]! : plane[i]!;
    const right = x < width - 1 ? plane[i + 1]! : plane[i]!;
    lines[i] = choose(plane[i]!, choose(left, right));
  }
  return lines.map((value, i) => {
    const above = i >= width ? lines[i - width]! : value;
    const below = i < width * (height - 1) ? lines[i + width]! : value;
    return choose(value, choose(above, below));
  });
}
