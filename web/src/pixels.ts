/*
 * Pixels are RGBA, 8 bits, as canvases hold them; tensors are planar RGB, float32, in [0, 1].
 * These run for every frame: plain loops over typed arrays, and results in given arrays.
 */

/** sRGB luma, as in fast_nst.image.color. */
export const LUMA = [0.299, 0.587, 0.114] as const;

/** RGBA pixels to a (3, H, W) tensor; `tensor` has 3 values for every pixel. */
export function pixelsToTensor(pixels: Uint8ClampedArray, tensor: Float32Array): void {
  const count = pixels.length / 4;
  checkLength(tensor.length, 3 * count);
  const green = count;
  const blue = 2 * count;
  for (let i = 0, p = 0; i < count; i++, p += 4) {
    tensor[i] = BYTE[pixels[p]!]!;
    tensor[green + i] = BYTE[pixels[p + 1]!]!;
    tensor[blue + i] = BYTE[pixels[p + 2]!]!;
  }
}

/** A (3, H, W) tensor to opaque RGBA pixels, rounded to the nearest of 256 values. */
export function tensorToPixels(tensor: Float32Array, pixels: Uint8ClampedArray): void {
  const count = pixels.length / 4;
  checkLength(tensor.length, 3 * count);
  const green = count;
  const blue = 2 * count;
  for (let i = 0, p = 0; i < count; i++, p += 4) {
    pixels[p] = 255 * (tensor[i]!);
    pixels[p + 1] = 255 * (tensor[green + i]!);
    pixels[p + 2] = 255 * (tensor[blue + i]!);
    pixels[p + 3] = 255;
  }
}

/** (1 - share) * a + share * b, of two tensors of one size, into `result` (which may be a or b). */
export function mixTensors(
  a: Float32Array,
  b: Float32Array,
  share: number,
  result: Float32Array,
): void {
  checkLength(a.length, result.length);
  checkLength(b.length, result.length);
  for (let i = 0; i < result.length; i++) {
    result[i] = (1 - share) * (a[i]!) + share * (b[i]!);
  }
}

/** content + strength * (stylized - content), of pixels, into `result`, opaque. */
export function blendPixels(
  content: Uint8ClampedArray,
  stylized: Uint8ClampedArray,
  strength: number,
  result: Uint8ClampedArray,
): void {
  checkLength(content.length, result.length);
  checkLength(stylized.length, result.length);
  for (let p = 0; p < result.length; p++) {
    const from = content[p]!;
    result[p] = from + strength * ((stylized[p]!) - from);
  }
  for (let p = 3; p < result.length; p += 4) result[p] = 255;
}

/**
 * Give back the lightness of details that were lost when the filter saw a smaller image:
 * `stylized` += luma(content) - luma(seen), in place. `seen` is the smaller image, enlarged again.
 */
export function restoreDetail(
  stylized: Uint8ClampedArray,
  content: Uint8ClampedArray,
  seen: Uint8ClampedArray,
): void {
  checkLength(content.length, stylized.length);
  checkLength(seen.length, stylized.length);
  const [red, green, blue] = LUMA;
  for (let p = 0; p < stylized.length; p += 4) {
    const lost =
      red * ((content[p]!) - (seen[p]!)) +
      green * ((content[p + 1]!) - (seen[p + 1]!)) +
      blue * ((content[p + 2]!) - (seen[p + 2]!));
    stylized[p] = (stylized[p]!) + lost;
    stylized[p + 1] = (stylized[p + 1]!) + lost;
    stylized[p + 2] = (stylized[p + 2]!) + lost;
  }
}

/** x / 255 as float32, for every byte: a look-up is faster than a division. */
const BYTE = Float32Array.from({ length: 256 }, (_, value) => value / 255);

function checkLength(got: number, expected: number): void {
  if (got !== expected) throw new RangeError(`got ${got} values; expected ${expected}.`);
}
