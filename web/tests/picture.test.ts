import { describe, expect, it } from 'vitest';
import { PageError } from '../src/errors';
import { checkPicture, fitPicture } from '../src/picture';

/** Pixels whose colors are functions of the place. */
function drawn(width: number, height: number, color: (x: number, y: number) => number[]): Uint8ClampedArray {
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p += 4) pixels.set([...color(x, y), 255], p);
  }
  return pixels;
}

describe('a picture that can be no style', () => {
  const gradient = (x: number, y: number): number[] => [x, y, 0];
  it.each([
    [31, 200, gradient, 'cat.jpg is 31x200 px; a style image needs at least 32 px a side. Use a larger one.'],
    [40, 321, gradient, 'the long side of a style image may be at most 8 times the short side. Crop it.'],
    [40, 40, (x: number) => [200 + (x % 2), 3, 9], 'cat.jpg is one flat color: it has no style. Use another image.'],
  ])('is told what is wrong', (width, height, color, message) => {
    const check = (): void => {
      checkPicture('cat.jpg', { width, height }, drawn(width, height, color));
    };
    expect(check).toThrow(PageError);
    expect(check).toThrow(message);
  });

  it('is none of those that are just large enough', () => {
    checkPicture('cat.jpg', { width: 32, height: 256 }, drawn(32, 256, gradient));
    checkPicture('cat.jpg', { width: 40, height: 40 }, drawn(40, 40, (x) => [7, 7, 2 * (x % 2)]));
  });
});

describe('a fitted picture', () => {
  it('has the short side that is wanted, and keeps its aspect', () => {
    const pixels = drawn(96, 64, (x, y) => [2 * x, 3 * y, 100]);
    expect(fitPicture(pixels, { width: 96, height: 64 }, 32)).toMatchObject({ width: 48, height: 32 });
    expect(fitPicture(pixels, { width: 96, height: 64 }, 80)).toMatchObject({ width: 120, height: 80 });
  });

  it('is the picture itself where nothing has to change', () => {
    const pixels = drawn(40, 33, (x, y) => [5 * x, 7 * y, (x * y) % 256]);
    const { values } = fitPicture(pixels, { width: 40, height: 33 }, 33);
    for (let i = 0; i < 40 * 33; i++) {
      for (let color = 0; color < 3; color++) {
        expect(values[color * 40 * 33 + i]).toBeCloseTo(pixels[4 * i + color]! / 255, 6);
      }
    }
  });

  it('keeps a constant, and a ramp away from the borders', () => {
    const size = { width: 120, height: 60 };
    const { values, width, height } = fitPicture(drawn(120, 60, (x) => [2 * x, 51, 0]), size, 30);
    const row = values.subarray(15 * width, 16 * width);
    for (let x = 4; x < width - 4; x++) expect(row[x]).toBeCloseTo((4 * x + 1) / 255, 5);
    for (const value of values.subarray(width * height, 2 * width * height)) expect(value).toBeCloseTo(0.2, 6);
  });

  it('that is enlarged keeps an edge sharp', () => {
    const size = { width: 40, height: 40 };
    const { values, width } = fitPicture(drawn(40, 40, (x) => (x < 20 ? [0, 0, 0] : [255, 255, 255])), size, 160);
    const row = [...values.subarray(80 * width, 81 * width)];
    // Interpolation alone would leave a ramp of eight pixels or so.
    expect(row.filter((value) => value > 0.1 && value < 0.9).length).toBeLessThanOrEqual(4);
    expect(row[10]).toBeCloseTo(0, 3);
    expect(row[150]).toBeCloseTo(1, 3);
  });
});
