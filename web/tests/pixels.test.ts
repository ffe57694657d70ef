import { describe, expect, it } from 'vitest';
import {
  blendPixels,
  mixTensors,
  pixelsToTensor,
  restoreDetail,
  tensorToPixels,
} from '../src/pixels';

const bytes = (...values: number[]): Uint8ClampedArray => Uint8ClampedArray.from(values);

describe('pixels and tensors', () => {
  it('puts the three colors of a pixel into three planes, without its opacity', () => {
    const tensor = new Float32Array(6);
    pixelsToTensor(bytes(0, 51, 255, 255, 102, 204, 153, 7), tensor);
    expect([...tensor].map((value) => Math.round(value * 1000) / 1000)).toEqual([
      0, 0.4, 0.2, 0.8, 1, 0.6,
    ]);
  });

  it('gives every byte back unchanged', () => {
    const pixels = new Uint8ClampedArray(4 * 256);
    for (let i = 0; i < 256; i++) pixels.set([i, 255 - i, (i * 7) % 256, 255], 4 * i);
    const tensor = new Float32Array(3 * 256);
    const back = new Uint8ClampedArray(4 * 256);
    pixelsToTensor(pixels, tensor);
    tensorToPixels(tensor, back);
    expect(back).toEqual(pixels);
  });

  it('rounds to the nearest byte, clamps what is outside, and makes pixels opaque', () => {
    const pixels = new Uint8ClampedArray(4);
    tensorToPixels(Float32Array.from([-0.2, 100.4 / 255, 1.3]), pixels);
    expect([...pixels]).toEqual([0, 100, 255, 255]);
    tensorToPixels(Float32Array.from([100.6 / 255, 0, 0]), pixels);
    expect(pixels[0]).toBe(101);
  });

  it('refuses a tensor of another size', () => {
    expect(() => { pixelsToTensor(bytes(1, 2, 3, 4), new Float32Array(4)); }).toThrow('got 4 values; expected 3');
    expect(() => { tensorToPixels(new Float32Array(6), bytes(1, 2, 3, 4)); }).toThrow('got 6 values; expected 3');
  });
});

describe('blending', () => {
  const content = bytes(0, 100, 200, 255);
  const stylized = bytes(100, 0, 250, 255);

  it('is the content at strength 0, the stylized image at 1, and half of each between', () => {
    const result = new Uint8ClampedArray(4);
    blendPixels(content, stylized, 0, result);
    expect(result).toEqual(content);
    blendPixels(content, stylized, 1, result);
    expect(result).toEqual(stylized);
    blendPixels(content, stylized, 0.5, result);
    expect([...result]).toEqual([50, 50, 225, 255]);
  });

  it('makes a transparent content opaque', () => {
    const result = new Uint8ClampedArray(4);
    blendPixels(bytes(1, 2, 3, 0), stylized, 0.5, result);
    expect(result[3]).toBe(255);
  });

  it('mixes two tensors by share, also into one of them', () => {
    const a = Float32Array.from([0, 1]);
    mixTensors(a, Float32Array.from([1, 0]), 0.25, a);
    expect([...a]).toEqual([0.25, 0.75]);
  });
});

describe('restoring detail', () => {
  it('adds the lost lightness to all colors alike', () => {
    const stylized = bytes(10, 20, 30, 255);
    restoreDetail(stylized, bytes(60, 60, 60, 255), bytes(50, 50, 50, 255));
    expect([...stylized]).toEqual([20, 30, 40, 255]);
  });

  it('weights colors as the eye does', () => {
    const stylized = bytes(0, 0, 0, 255);
    restoreDetail(stylized, bytes(0, 100, 0, 255), bytes(0, 0, 0, 255));
    expect([...stylized]).toEqual([59, 59, 59, 255]);
  });

  it('changes nothing where nothing was lost', () => {
    const stylized = bytes(10, 20, 30, 255);
    restoreDetail(stylized, bytes(9, 8, 7, 255), bytes(9, 8, 7, 255));
    expect([...stylized]).toEqual([10, 20, 30, 255]);
  });
});
