/* Takes images from the source, has them stylized, and shows the results. */
import { Governor } from './governor';
import type { Result, Settings } from './messages';
import { Pace } from './pace';
import type { Session } from './session';
import { fit, LADDER, sameSize, type Size, type SizeChoice } from './sizes';
import { Live } from './sources/live';
import type { Source } from './sources/source';
import type { Stage } from './stage';

const FIRST_SIDE = 320; // px; where the governor starts

export interface Wishes {
  settings(): Settings | null;
  size(): SizeChoice;
  /** Long side of still images where the size is "auto", px. */
  stillSide(): number;
  /** While this holds, the size of live frames stays: a recording has one size. */
  sizeFixed(): boolean;
}

export interface Reports {
  /** Work on a still image begins or ends. */
  working(busy: boolean): void;
  shown(result: Result): void;
  failed(error: unknown): void;
}

export class Painter {
  source: Source | null = null;
  readonly pace = new Pace();
  private readonly governor = new Governor(LADDER, FIRST_SIDE);
  /** Size of the content that the worker holds, if it is that of the present still image. */
  private held: Size | null = null;
  private busy = false;
  private again = false;
  private failing = false;

  constructor(
    private readonly session: Session,
    private readonly stage: Stage,
    private readonly wishes: Wishes,
    private readonly reports: Reports,
  ) {}

  /** Show another source; the one before is closed. */
  open(source: Source): void {
    this.close();
    this.source = source;
    if (source instanceof Live) {
      source.onFrames(() => {
        if (this.pace.wantsFrame(performance.now())) void this.takeFrame(source);
      });
    }
    this.changed(true);
  }

  close(): void {
    this.source?.close();
    this.source = null;
    this.held = null;
    this.pace.restart();
    this.governor.reset();
  }

  /**
   * Settings have changed: an image that does not change by itself is stylized again.
   *
   * @param slower whether frames may take another time than before.
   */
  changed(slower: boolean): void {
    this.failing = false;
    if (slower) this.governor.reset();
    if (this.source && !this.playing) void this.paintStill(this.source);
  }

  /** The present frame of a paused video or camera may be another one than before. */
  paused(): void {
    this.held = null;
    this.changed(false);
  }

  private get playing(): boolean {
    return this.source instanceof Live && !this.source.paused;
  }

  private target(source: Source): Size {
    const choice = this.wishes.size();
    if (choice === 'full') return source.size;
    if (choice !== 'auto') return fit(source.size, choice);
    return fit(source.size, source.live ? this.governor.side : this.wishes.stillSide());
  }

  private async takeFrame(source: Live): Promise<void> {
    const settings = this.wishes.settings();
    if (!settings || this.failing) return;
    this.pace.taken(performance.now());
    this.held = null;
    try {
      const content = await source.capture(this.target(source));
      const result = await this.session.render(content, settings);
      if (source !== this.source) return;
      this.pace.finished(performance.now(), result.ms);
      if (!this.wishes.sizeFixed()) this.governor.observe(result.ms);
      this.show(result);
    } catch (error) {
      if (source !== this.source) return;
      // Every frame would fail like this one: wait until something is changed.
      this.failing = true;
      this.pace.restart();
      this.reports.failed(error);
    }
  }

  /** Stylize a still image; changes meanwhile are gathered, and only the last one counts. */
  private async paintStill(source: Source): Promise<void> {
    this.again = true;
    if (this.busy) return;
    this.busy = true;
    this.reports.working(true);
    try {
      while (this.again) {
        this.again = false;
        await this.paintOnce(source);
      }
    } catch (error) {
      if (source === this.source) this.reports.failed(error);
    } finally {
      this.busy = false;
      this.reports.working(false);
    }
    // Another source may have come while this one was waited for.
    if (this.source && this.source !== source && !this.playing) void this.paintStill(this.source);
  }

  private async paintOnce(source: Source): Promise<void> {
    const settings = this.wishes.settings();
    if (!settings || source !== this.source) return;
    const size = this.target(source);
    const known = this.held !== null && sameSize(this.held, size);
    const content = known ? null : await source.capture(size);
    const result = await this.session.render(content, settings);
    if (source !== this.source) return;
    this.held = size;
    this.show(result);
  }

  private show(result: Result): void {
    this.stage.show(result);
    this.session.recycle(result.pixels);
    this.reports.shown(result);
  }
}
