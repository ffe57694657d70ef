/** What the governor aims at: a frame may take this long, ms (15 frames/s). */
export const BUDGET_MS = 1000 / 15;

const SLOW = 1.1; // lower when frames take more than this share of the budget,
const FAST = 0.85; // raise when the next size up is predicted to take less than this share
const SETTLE = 8; // frames that are measured after every change, after a first that does not count,
const HURRY = 3; // or only so many where they take more than HASTE times the budget
const HASTE = 2;
const PATIENCE = 3; // a size that was too slow is tried again after SETTLE << PATIENCE frames

/**
 * Chooses the size of live frames: the largest that keeps the frame rate.
 *
 * It measures the middle time of a few frames at one size; time grows with the number of pixels, so the
 * time at other sizes is predicted. The gap between SLOW and FAST keeps it from going up and down.
 */
export class Governor {
  private index: number;
  private times: number[] = [];
  private failed = new Map<number, number>();
  private frames = 0;

  /**
   * @param ladder long sides, px, growing.
   * @param start the first; the nearest of the ladder below is taken.
   */
  constructor(
    private readonly ladder: readonly number[],
    start: number,
    private readonly budget = BUDGET_MS,
  ) {
    this.index = Math.max(0, ladder.findLastIndex((side) => side <= start));
  }

  /** The long side to use now, px. */
  get side(): number {
    return this.ladder[this.index]!;
  }

  /**
   * Take note of a frame's time at the present size, ms.
   *
   * @returns whether the size changed.
   */
  observe(ms: number): boolean {
    this.frames++;
    this.times.push(ms);
    const measured = this.times.slice(1);
    if (measured.length < HURRY) return false;
    const time = middle(measured);
    if (measured.length < SETTLE && time < HASTE * this.budget) return false;
    const before = this.index;
    if (time > SLOW * this.budget) this.lower(time);
    else this.raise(time);
    this.times = [];
    return this.index !== before;
  }

  /** Forget what was measured: another filter or source takes another time. */
  reset(): void {
    this.times = [];
    this.failed.clear();
  }

  /** What a frame would take at another rung, from `time` at the present one. */
  private predict(time: number, index: number): number {
    return time * ((this.ladder[index]!) / this.side) ** 2;
  }

  private lower(time: number): void {
    this.failed.set(this.index, this.frames);
    let index = this.index;
    while (index > 0 && this.predict(time, index) > this.budget) index--;
    this.index = index;
  }

  private raise(time: number): void {
    let index = this.index;
    while (
      index + 1 < this.ladder.length &&
      this.predict(time, index + 1) < FAST * this.budget &&
      !this.failedLately(index + 1)
    ) {
      index++;
    }
    this.index = index;
  }

  private failedLately(index: number): boolean {
    const when = this.failed.get(index);
    return when !== undefined && this.frames - when < SETTLE << PATIENCE;
  }
}

function middle(values: number[]): number {
  const sorted = values.sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
