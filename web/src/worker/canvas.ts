import { PageError } from '../errors';
import type { Size } from '../sizes';

/** A canvas off the screen whose pixels are read: it lies in main memory. */
export class Canvas {
  readonly canvas = new OffscreenCanvas(1, 1);
  private readonly context: OffscreenCanvasRenderingContext2D;

  constructor() {
    const context = this.canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    if (!context) throw new PageError('This browser cannot draw in a worker. Use a newer one.');
    this.context = context;
  }

  /** Draw an image at a size and read its pixels. */
  draw(source: CanvasImageSource, { width, height }: Size): ImageData {
    this.resize(width, height);
    this.context.imageSmoothingQuality = 'high';
    this.context.drawImage(source, 0, 0, width, height);
    return this.context.getImageData(0, 0, width, height);
  }

  put(pixels: ImageData): void {
    this.resize(pixels.width, pixels.height);
    this.context.putImageData(pixels, 0, 0);
  }

  private resize(width: number, height: number): void {
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
  }
}
