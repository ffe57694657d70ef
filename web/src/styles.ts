/* Pictures that become styles: their codes are computed here, by the model's encoder. */
import { missingSizes } from './codes';
import { PageError, explain } from './errors';
import type { Style, StyledModel } from './filters';
import { mediaKind, titleOf, unusedName } from './names';
import { checkSides } from './picture';
import { Session } from './session';

const THUMBNAIL = 192; // px

export class StyleMaker {
  private readonly pictures = new Map<Style, File>();
  /** Codes for other stroke sizes are computed in a worker of their own, with one thread. */
  private background: Session | null = null;
  private readonly under = new Set<string>();

  /**
   * @param session whose worker computes the first code, with all threads, between two frames.
   * @param on `refined`: a style has a further code; `failed`: it will not get it.
   */
  constructor(
    private readonly session: Session,
    private readonly on: { refined: (style: Style) => void; failed: (error: Error) => void },
  ) {}

  /**
   * Make a style of a picture.
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
    const code = await this.session.encode(model, picture, file.name, 1);
    const codes = model.strokeSizes.map((size) => (size === 1 ? code : null));
    const title = unusedName(titleOf(file.name), new Set(styles.map((each) => each.title)));
    const name = unusedName(`own-${title}`, new Set(styles.map((each) => each.name)));
    const style: Style = { kind: 'style', name, title, by: '', thumbnail, model, codes };
    this.pictures.set(style, file);
    return style;
  }

  /** Compute those codes that a stroke size needs and that are not known yet; until then, the nearest is used. */
  refine(style: Style, strokeSize: number): void {
    const file = this.pictures.get(style);
    if (!file) return;
    for (const size of missingSizes(style, strokeSize)) {
      const key = `${style.name} ${size}`;
      if (this.under.has(key)) continue;
      this.under.add(key);
      void this.encode(style, file, size).catch((error: unknown) => {
        this.pictures.delete(style); // it would fail again
        this.on.failed(
          new PageError(`${style.title} has no code for strokes of ${size}× (${explain(error)}); the nearest is used.`),
        );
      });
    }
  }

  private async encode(style: Style, file: File, size: number): Promise<void> {
    this.background ??= new Session(
      { backend: 'wasm', threads: 1 },
      { started: () => undefined, note: () => undefined, failed: this.on.failed },
    );
    const code = await this.background.encode(style.model, await open(file), file.name, size);
    style.codes[style.model.strokeSizes.indexOf(size)] = code;
    this.on.refined(style);
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
