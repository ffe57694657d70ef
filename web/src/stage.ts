/* What is seen of the image: the original beneath, the result above it, and the divider. */
import { element } from './elements';
import { PageError } from './errors';
import type { Result } from './messages';
import type { Size } from './sizes';

export class Stage {
  readonly view = element('view', HTMLCanvasElement);
  private readonly original = element('original', HTMLCanvasElement);
  private readonly stage = element('stage', HTMLDivElement);
  private readonly divider = element('divider', HTMLInputElement);
  private readonly viewContext = context(this.view);
  private readonly originalContext = context(this.original);

  constructor() {
    this.divider.addEventListener('input', () => {
      this.split();
    });
    this.stage.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || 'empty' in this.stage.dataset) return;
      this.stage.setPointerCapture(event.pointerId);
      this.follow(event);
    });
    this.stage.addEventListener('pointermove', (event) => {
      if (this.stage.hasPointerCapture(event.pointerId)) this.follow(event);
    });
    this.split();
  }

  get size(): Size {
    return { width: this.view.width, height: this.view.height };
  }

  /** Show a result; its buffer is free afterwards. */
  show({ width, height, pixels, content }: Result): void {
    const image = new ImageData(new Uint8ClampedArray(pixels), width, height);
    resize(this.view, width, height);
    this.viewContext.putImageData(image, 0, 0);
    if (content) {
      resize(this.original, width, height);
      this.originalContext.drawImage(content, 0, 0);
      content.close();
    }
    this.stage.style.setProperty('--aspect', (width / height).toFixed(4));
    delete this.stage.dataset.empty;
  }

  describe(filter: string, source: string, mirrored: boolean): void {
    this.view.setAttribute('aria-label', `${source}, in the style of ${filter}`);
    this.original.setAttribute('aria-label', `${source}, original`);
    this.stage.toggleAttribute('data-mirrored', mirrored);
  }

  /** Show that a result is on its way. */
  setBusy(busy: boolean): void {
    this.stage.toggleAttribute('data-busy', busy);
  }

  private follow(event: PointerEvent): void {
    const { left, width } = this.stage.getBoundingClientRect();
    this.divider.value = String((100 * (event.clientX - left)) / width);
    this.split();
  }

  private split(): void {
    const share = this.divider.valueAsNumber;
    this.stage.style.setProperty('--split', `${share}%`);
    this.stage.dataset.split = share === 0 ? 'none' : share === 100 ? 'all' : 'part';
    this.divider.setAttribute('aria-valuetext', `${share} % original`);
  }
}

function context(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const found = canvas.getContext('2d', { alpha: false });
  if (!found) throw new PageError('This browser cannot draw images. Use a newer one.');
  return found;
}

function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
