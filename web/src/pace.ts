/**
 * When to take the next live frame, and how many come out.
 *
 * At most two frames are under way: one that is computed, and one that waits. The second is taken
 * shortly before the first is done, so that the worker never idles and nothing shown is stale.
 */
export class Pace {
  private underWay = 0;
  private startedAt = 0;
  private expected = 0;
  private done: number[] = [];

  /** @param lead how long before the worker is free the next frame is taken, ms. */
  constructor(private readonly lead = 40) {}

  /** Whether a frame that is there now should be taken; else it is dropped. */
  wantsFrame(now: number): boolean {
    if (this.underWay === 0) return true;
    return this.underWay === 1 && now >= this.startedAt + this.expected - this.lead;
  }

  /** A frame was taken. */
  taken(now: number): void {
    if (this.underWay === 0) this.startedAt = now;
    this.underWay++;
  }

  /** A result came; it took `ms` in the worker. */
  finished(now: number, ms: number): void {
    this.underWay = Math.max(0, this.underWay - 1);
    this.startedAt = now;
    this.expected = this.expected === 0 ? ms : 0.8 * this.expected + 0.2 * ms;
    this.done.push(now);
    while (now - (this.done[0] ?? now) > 2000) this.done.shift();
  }

  /** Frames that were taken will not come back. */
  restart(): void {
    this.underWay = 0;
    this.expected = 0;
    this.done = [];
  }

  /** Results per second, over the last two seconds; null with fewer than two results. */
  rate(now: number): number | null {
    const recent = this.done.filter((time) => now - time <= 2000);
    const first = recent[0];
    const last = recent.at(-1);
    if (first === undefined || last === undefined || last <= first) return null;
    return (1000 * (recent.length - 1)) / (last - first);
  }
}
