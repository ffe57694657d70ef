export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Long sides that can be chosen, px; and those that the governor moves on for a camera or video. */
export const CHOICES = [240, 320, 480, 640, 960, 1280, 1920] as const;
export const LADDER = [160, 192, 240, 288, 320, 384, 480, 560, 640, 800, 960, 1280] as const;

/** The long side of a still image when the size is chosen automatically, px: a second or so of work. */
export const STILL_SIDE = { wasm: 640, webgpu: 1280 } as const;

/** "auto"; "full", the image's own; or a long side, px. */
export type SizeChoice = 'auto' | 'full' | number;

/** The size choice that a select's value stands for. */
export function parseChoice(value: string): SizeChoice {
  if (value === 'auto' || value === 'full') return value;
  const side = Number(value);
  if (!Number.isInteger(side) || side < 1) throw new RangeError(`size ${value} is not a number of px.`);
  return side;
}

/** Shrink to a long side of at most `side` px, aspect kept; never enlarge. */
export function fit(size: Size, side: number): Size {
  return scaled(size, Math.min(1, side / Math.max(size.width, size.height)));
}

/** The size at which the filter sees an image, so that its strokes are `stroke` times as large. */
export function seenSize(size: Size, stroke: number, least: number): Size {
  const seen = scaled(size, 1 / stroke);
  return { width: Math.max(least, seen.width), height: Math.max(least, seen.height) };
}

export function sameSize(a: Size, b: Size): boolean {
  return a.width === b.width && a.height === b.height;
}

/** Both sides times a factor, rounded as Python does, and at least 1 px. */
export function scaled({ width, height }: Size, factor: number): Size {
  return {
    width: Math.max(1, roundToEven(width * factor)),
    height: Math.max(1, roundToEven(height * factor)),
  };
}

/** As Python rounds: halves to even. One px more or less moves every stroke. */
export function roundToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
