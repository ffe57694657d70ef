import { describe, expect, it } from 'vitest';
import { fit, parseChoice, seenSize } from '../src/sizes';

describe('sizes', () => {
  it('shrink to a long side, whichever it is, and keep the aspect', () => {
    expect(fit({ width: 1280, height: 720 }, 320)).toEqual({ width: 320, height: 180 });
    expect(fit({ width: 480, height: 640 }, 320)).toEqual({ width: 240, height: 320 });
  });

  it('never grow', () => {
    expect(fit({ width: 100, height: 50 }, 320)).toEqual({ width: 100, height: 50 });
  });

  it('are never zero', () => {
    expect(fit({ width: 4000, height: 3 }, 320)).toEqual({ width: 320, height: 1 });
  });

  it('as the filter sees them are smaller for larger strokes, down to the least it takes', () => {
    const size = { width: 320, height: 240 };
    expect(seenSize(size, 2, 32)).toEqual({ width: 160, height: 120 });
    expect(seenSize(size, 0.5, 32)).toEqual({ width: 640, height: 480 });
    expect(seenSize(size, 1, 32)).toEqual(size);
    expect(seenSize({ width: 50, height: 40 }, 2, 32)).toEqual({ width: 32, height: 32 });
  });

  it('are rounded as Python rounds them, halves to even', () => {
    expect(seenSize({ width: 243, height: 181 }, 2, 1)).toEqual({ width: 122, height: 90 });
    expect(seenSize({ width: 245, height: 183 }, 2, 1)).toEqual({ width: 122, height: 92 });
    expect(seenSize({ width: 10, height: 7 }, 0.75, 1)).toEqual({ width: 13, height: 9 });
  });

  it('are chosen by name or number', () => {
    expect(parseChoice('auto')).toBe('auto');
    expect(parseChoice('full')).toBe('full');
    expect(parseChoice('320')).toBe(320);
    expect(() => parseChoice('big')).toThrow('size big is not a number of px');
  });
});
