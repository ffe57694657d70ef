import { PageError } from '../errors';
import type { Size } from '../sizes';
import type { Source } from './source';

const MAX_PIXELS = 60e6; // of an image that is opened: beyond, browsers fail in their own ways

/** A photo, decoded once. */
export class Still implements Source {
  readonly live = false;
  readonly mirrored = false;

  private constructor(
    private readonly image: ImageBitmap,
    readonly title: string,
  ) {}

  /**
   * Read an image; it is turned upright as its EXIF data say.
   *
   * @throws PageError if it is none, or too large.
   */
  static async open(file: Blob, title: string): Promise<Still> {
    let image: ImageBitmap;
    try {
      image = await createImageBitmap(file, { imageOrientation: 'from-image' });
    } catch {
      throw new PageError(`${title} is not an image that this browser reads. Use JPEG, PNG or WebP.`);
    }
    const { width, height } = image;
    if (width * height > MAX_PIXELS) {
      image.close();
      throw new PageError(
        `${title} is ${width}x${height} px; this page takes up to ${MAX_PIXELS / 1e6} megapixels. ` +
          'Use fast-nst stylize for it.',
      );
    }
    return new Still(image, title);
  }

  get size(): Size {
    return { width: this.image.width, height: this.image.height };
  }

  capture(size: Size): Promise<ImageBitmap> {
    if (size.width === this.image.width && size.height === this.image.height) {
      return createImageBitmap(this.image);
    }
    return createImageBitmap(this.image, {
      resizeWidth: size.width,
      resizeHeight: size.height,
      resizeQuality: 'high',
    });
  }

  close(): void {
    this.image.close();
  }
}
