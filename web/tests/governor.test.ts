import { describe, expect, it } from 'vitest';
import { Governor } from '../src/governor';
import { LADDER } from '../src/sizes';

const BUDGET = 60;

/** Let a machine that needs `nsPerPixel` (of side * side) run; the sides that were used, changes only. */
function drive(governor: Governor, nsPerPixel: number, frames: number, noise = 0): number[] {
  const sides = [governor.side];
  for (let i = 0; i < frames; i++) {
    const wave = 1 + noise * Math.sin(i * 2.4);
    governor.observe((governor.side ** 2 * nsPerPixel * wave) / 1e6);
    if (sides.at(-1) !== governor.side) sides.push(governor.side);
  }
  return sides;
}

const cost = (side: number, ms: number): number => (ms * 1e6) / side ** 2;

describe('the governor', () => {
  it('starts at the rung at or below the given side', () => {
    expect(new Governor(LADDER, 320).side).toBe(320);
    expect(new Governor(LADDER, 330).side).toBe(320);
    expect(new Governor(LADDER, 1).side).toBe(LADDER[0]);
  });

  it('stays where frames take about what they may', () => {
    expect(drive(new Governor(LADDER, 320, BUDGET), cost(320, 58), 200)).toEqual([320]);
  });

  it('goes down until the frame rate is kept, in one step', () => {
    const sides = drive(new Governor(LADDER, 640, BUDGET), cost(320, 58), 200);
    expect(sides).toEqual([640, 320]);
  });

  it('goes down within four frames where the machine is far too slow', () => {
    const governor = new Governor(LADDER, 320, BUDGET);
    expect(drive(governor, cost(320, 760), 4).at(-1)).toBe(160);
  });

  it('goes up where the machine is fast, and no further than that it stays fast', () => {
    const governor = new Governor(LADDER, 320, BUDGET);
    drive(governor, cost(640, 40), 300);
    expect(governor.side).toBe(640);
  });

  it('ends at the largest or smallest rung and stays there', () => {
    expect(drive(new Governor(LADDER, 320, BUDGET), 0.001, 300).at(-1)).toBe(1280);
    expect(drive(new Governor(LADDER, 320, BUDGET), 1e6, 300).at(-1)).toBe(160);
  });

  it('does not swing between two rungs when times are noisy', () => {
    const sides = drive(new Governor(LADDER, 320, BUDGET), cost(480, 55), 1000, 0.25);
    expect(sides.length).toBeLessThanOrEqual(4);
  });

  it('is not misled by a single slow frame', () => {
    const governor = new Governor(LADDER, 320, BUDGET);
    for (let i = 0; i < 40; i++) governor.observe(i % 10 === 5 ? 900 : 55);
    expect(governor.side).toBe(320);
  });

  it('tries a rung again only after a while when it was too slow', () => {
    const governor = new Governor([160, 320], 320, BUDGET);
    let above = 0; // frames at the large rung, which the machine is too slow for although it predicts well
    for (let i = 0; i < 640; i++) {
      if (governor.side === 320) above++;
      governor.observe(governor.side === 320 ? 200 : 5);
    }
    expect(above).toBeLessThan(100);
    expect(above).toBeGreaterThan(8);
  });
});
