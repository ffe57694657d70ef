/* The mixing pad: a place between the styles of up to four corners. */
import { CORNERS, cornerShares, describeMixture, type Part } from './codes';
import { element } from './elements';
import type { Style } from './filters';

const STEP = 0.05; // of the pad's side, for each press of an arrow key
const INSET = 11; // px, between the pad's border and the places where shares end

export class MixingPad {
  /** The style that is chosen in the list: the one of the first corner. */
  chosen: Style | null = null;
  private styles: readonly Style[] = [];
  private corners: (Style | null)[] = [];

  private readonly field = element('pad-field', HTMLDivElement);
  private readonly pad = element('pad', HTMLDivElement);
  private readonly value = element('pad-value', HTMLOutputElement);
  private readonly across = element('pad-across', HTMLInputElement);
  private readonly down = element('pad-down', HTMLInputElement);
  private readonly selects = cornerElements('corner', HTMLSelectElement);
  private readonly shares = cornerElements('corner-share', HTMLSpanElement);
  private readonly images = cornerElements('corner-image', HTMLImageElement);

  /**
   * @param moved is called when the shares have changed.
   * @param choose is called when another style is wanted in the first corner.
   */
  constructor(
    private readonly moved: () => void,
    choose: (style: Style) => void,
  ) {
    for (const input of [this.across, this.down]) {
      input.addEventListener('input', () => {
        this.changed();
      });
      input.addEventListener('keydown', (event) => {
        this.press(event);
      });
    }
    this.pad.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      event.preventDefault(); // the pad decides which of its inputs has the focus
      this.across.focus({ focusVisible: false });
      this.pad.setPointerCapture(event.pointerId);
      this.follow(event);
    });
    this.pad.addEventListener('pointermove', (event) => {
      if (this.pad.hasPointerCapture(event.pointerId)) this.follow(event);
    });
    this.selects.forEach((select, at) => {
      select.addEventListener('input', () => {
        const style = this.styles.find(({ name }) => name === select.value) ?? null;
        if (at === 0 && style) choose(style);
        else this.put(at, style);
      });
    });
  }

  /**
   * Show a style alone; others of its model stand in the other corners.
   *
   * @param style null for a filter that has no codes.
   * @param styles all of its model.
   */
  choose(style: Style | null, styles: readonly Style[]): void {
    this.field.hidden = style === null || styles.length < 2;
    this.chosen = style;
    if (!style) return;
    const before = this.corners[0];
    const here = this.corners.every((each) => !each || each.model === style.model);
    if (!before || !here) {
      this.corners = [style, ...styles.filter((each) => each !== style).slice(0, CORNERS - 1)];
    } else {
      const at = this.corners.indexOf(style);
      if (at > 0) this.corners[at] = before;
      this.corners[0] = style;
    }
    while (this.corners.length < CORNERS) this.corners.push(null);
    this.styles = styles;
    this.across.value = this.down.value = '0';
    this.showCorners();
    this.show();
  }

  /** Styles with their shares; only those that have one. */
  parts(): Part[] {
    const shares = cornerShares(
      this.across.valueAsNumber,
      this.down.valueAsNumber,
      this.corners.map((each) => each !== null),
    );
    return this.corners.flatMap((style, at) => {
      const share = shares[at] ?? 0;
      return style && share > 0 ? [{ style, share }] : [];
    });
  }

  /** A style, or none, for a corner; the one that has it already is exchanged. */
  private put(at: number, style: Style | null): void {
    const other = style ? this.corners.indexOf(style) : -1;
    if (other > 0) this.corners[other] = this.corners[at] ?? null;
    if (other !== 0) this.corners[at] = style;
    this.showCorners();
    this.changed();
  }

  /** Arrow keys move in their own direction, whichever of the two inputs has the focus. */
  private press(event: KeyboardEvent): void {
    const [input, sign] = {
      ArrowLeft: [this.across, -1] as const,
      ArrowRight: [this.across, 1] as const,
      ArrowUp: [this.down, -1] as const,
      ArrowDown: [this.down, 1] as const,
    }[event.key] ?? [null, 0];
    if (!input) return;
    event.preventDefault();
    input.value = String(input.valueAsNumber + sign * STEP);
    this.changed();
  }

  private follow(event: PointerEvent): void {
    const { left, top, width, height } = this.pad.getBoundingClientRect();
    this.across.value = String((event.clientX - left - INSET) / (width - 2 * INSET));
    this.down.value = String((event.clientY - top - INSET) / (height - 2 * INSET));
    this.changed();
  }

  private changed(): void {
    this.show();
    this.moved();
  }

  private show(): void {
    const parts = this.parts();
    const mixture = describeMixture(parts);
    this.value.value = mixture;
    for (const input of [this.across, this.down]) input.setAttribute('aria-valuetext', mixture);
    this.pad.style.setProperty('--across', this.across.value);
    this.pad.style.setProperty('--down', this.down.value);
    this.corners.forEach((here, at) => {
      const share = parts.find(({ style }) => style === here)?.share ?? 0;
      this.images[at]!.style.opacity = String(0.25 + 0.75 * share);
      const percent = here ? Math.round(100 * share) : 0;
      this.shares[at]!.textContent = percent > 0 ? `${percent} %` : '';
    });
  }

  private showCorners(): void {
    this.selects.forEach((select, at) => {
      const here = this.corners[at] ?? null;
      const taken = this.corners[0];
      select.replaceChildren(
        ...(at === 0 ? [] : [new Option('Nothing', '', false, here === null)]),
        ...this.styles
          .filter((style) => at === 0 || style !== taken)
          .map((style) => new Option(style.title, style.name, false, style === here)),
      );
    });
    this.images.forEach((image, at) => {
      const source = this.corners[at]?.thumbnail ?? null;
      image.hidden = source === null;
      if (source !== null && image.getAttribute('src') !== source) image.src = source;
    });
  }
}

function cornerElements<T extends Element>(id: string, kind: new () => T): T[] {
  return Array.from({ length: CORNERS }, (_, at) => element(`${id}-${at}`, kind));
}
