import { PageError } from '../errors';
import type { Size } from '../sizes';
import type { Source } from './source';

const MOST_PIXELS = 60e6; // of a picture that is opened: beyond, browsers fail in their own ways

/** A photo, decoded once. */
export class Still implements Source {
  readonly live = false;
  readonly mirrored = false;

  private constructor(
    private readonly picture: ImageBitmap,
    readonly title: string,
  ) {}

  /**
   * Read a picture; it is turned upright as its EXIF data say.
   *
   * @throws PageError if it is none, or too large.
   */
  static async open(file: Blob, title: string): Promise<Still> {
    let picture: ImageBitmap;
    try {
      picture = await createImageBitmap(file, { imageOrientation: 'from-image' });
    } catch {
      throw new PageError(`${title} is not a picture that this browser reads. Use JPEG, PNG or WebP.`);
    }
    const { width, height } = picture;
    if (width * height > MOST_PIXELS) {
      picture.close();
      throw new PageError(
        `${title} is ${width}x${height} px; this page takes up to ${MOST_PIXELS / 1e6} megapixels. ` +
          'Use fast-nst stylize for it.',
      );
    }
    return new Still(picture, title);
  }

  get size(): Size {
    return { width: this.picture.width, height: this.picture.height };
  }

  capture(size: Size): Promise<ImageBitmap> {
    if (size.width === this.picture.width && size.height === this.picture.height) {
      return createImageBitmap(this.picture);
    }
    return createImageBitmap(this.picture, {
      resizeWidth: size.width,
      resizeHeight: size.height,
      resizeQuality: 'high',
    });
  }

  close(): void {
    this.picture.close();
  }
}
