/* Pictures that become styles: their codes are computed here, by the model's encoder. */
import { PageError } from './errors';
import type { Style, StyledModel } from './filters';
import { mediaKind, titleOf, unusedName } from './names';
import { checkSides } from './picture';
import type { Session } from './session';

const THUMBNAIL = 192; // px

export class StyleMaker {
  /**
   * @param session whose worker computes codes, between two frames.
   * @param on `refined`: a style has a further code; `failed`: it did not get it.
   */
  constructor(
    private readonly session: Session,
    private readonly on: { refined: (style: Style) => void; failed: (error: unknown) => void },
  ) {}

  /**
   * Make a style of a picture. It has the code for strokes of size 1; those for others follow.
   *
   * @param styles those that are there: it gets another name.
   * @throws PageError if the file is no picture, or can be no style.
   */
  async make(file: File, model: StyledModel, styles: readonly { name: string; title: string }[]): Promise<Style> {
    const picture = await open(file);
    try {
      checkSides(file.name, picture);
    } catch (error) {
      picture.close();
      throw error;
    }
    const thumbnail = await makeThumbnail(picture);
    const copy = await createImageBitmap(picture);
    const code = await this.session.encode(model, picture, file.name, 1);
    const codes = model.codeSizes.map((size) => (size === 1 ? code : null));
    const title = unusedName(titleOf(file.name), new Set(styles.map((each) => each.title)));
    const name = unusedName(`own-${title}`, new Set(styles.map((each) => each.name)));
    const style: Style = { kind: 'style', name, title, by: '', thumbnail, model, codes };
    void this.complete(style, copy).catch(this.on.failed);
    return style;
  }

  private async complete(style: Style, picture: ImageBitmap): Promise<void> {
    for (const [at, size] of style.model.codeSizes.entries()) {
      if (style.codes[at]) continue;
      const copy = await createImageBitmap(picture);
      style.codes[at] = await this.session.encode(style.model, copy, style.title, size);
      this.on.refined(style);
    }
    picture.close();
  }
}

async function open(file: File): Promise<ImageBitmap> {
  const other = new PageError(`${file.name} is not an image that this browser reads. Use JPEG, PNG or WebP.`);
  if (mediaKind(file) === 'video') throw other;
  try {
    return await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    throw other;
  }
}

/** The middle of a picture, as an address that this page can show. */
async function makeThumbnail(picture: ImageBitmap): Promise<string> {
  const short = Math.min(picture.width, picture.height);
  const [left, top] = [(picture.width - short) / 2, (picture.height - short) / 2];
  const canvas = new OffscreenCanvas(THUMBNAIL, THUMBNAIL);
  const context = canvas.getContext('2d');
  if (context) {
    context.imageSmoothingQuality = 'high';
    context.drawImage(picture, left, top, short, short, 0, 0, THUMBNAIL, THUMBNAIL);
  }
  return URL.createObjectURL(await canvas.convertToBlob({ type: 'image/webp', quality: 0.9 }));
}
