import type { Size } from '../sizes';

/** Where images come from. */
export interface Source {
  /** A still has one image; a live source has a new one many times a second. */
  readonly live: boolean;
  /** Its own size, px. */
  readonly size: Size;
  /** Shown as in a mirror: cameras that look at the user. */
  readonly mirrored: boolean;
  /** For the names of downloads and for screen readers. */
  readonly title: string;
  /** The present image at a size. */
  capture(size: Size): Promise<ImageBitmap>;
  close(): void;
}
