/* Sliders and selects, as settings. */
import { mixCodes, type Part } from './codes';
import { element } from './elements';
import type { Filter, Style } from './filters';
import type { Layer, Settings } from './messages';
import { MixingPad } from './mixing';
import { CHOICES, parseChoice, type SizeChoice } from './sizes';

/** Most that strokes can be enlarged by resizing the image. */
const MOST_RESIZED = 2;

export class Controls {
  readonly size = element('size', HTMLSelectElement);
  private readonly strength = element('strength', HTMLInputElement);
  private readonly stroke = element('stroke', HTMLInputElement);
  private readonly mix = element('mix', HTMLInputElement);
  private readonly mixWith = element('mix-with', HTMLSelectElement);
  private readonly mixField = element('mix-field', HTMLDivElement);
  private readonly pad: MixingPad;

  /**
   * @param filters all of them; more may come.
   * @param changed is called after every change, and told whether frames may take another time than before.
   * @param choose is called when the mixing pad asks for another style.
   */
  constructor(
    private readonly filters: readonly Filter[],
    changed: (slower: boolean) => void,
    choose: (style: Style) => void,
  ) {
    this.size.replaceChildren(
      new Option('Automatic', 'auto', true, true),
      ...CHOICES.map((side) => new Option(`${side} px`, String(side))),
      new Option('Full', 'full'),
    );
    for (const control of [this.strength, this.stroke, this.mix, this.mixWith, this.size]) {
      control.addEventListener('input', () => {
        this.show();
        // A style's strength changes weights, not the work that they cause.
        changed(!this.pad.chosen || control !== this.strength);
      });
    }
    this.pad = new MixingPad(() => {
      changed(false);
    }, choose);
    this.show();
  }

  get sizeChoice(): SizeChoice {
    return parseChoice(this.size.value);
  }

  /** Styles that are mixed; none for a filter without codes. */
  get mixture(): Part[] {
    return this.pad.chosen ? this.pad.parts() : [];
  }

  /** Show what there is to set for a filter. */
  chosen(filter: Filter): void {
    const style = filter.kind === 'style' ? filter : null;
    const sizes = style?.model.strokeSizes;
    this.stroke.min = String(sizes?.[0] ?? 1 / MOST_RESIZED);
    this.stroke.max = String(sizes?.[1] ?? MOST_RESIZED);
    this.pad.choose(style, this.stylesOf(style));
    this.mixField.hidden = style !== null || this.filters.length < 2;
    const before = this.mixWith.value;
    this.mixWith.replaceChildren(
      new Option('Nothing', ''),
      ...this.filters
        .filter(({ name }) => name !== filter.name)
        .map(({ name, title }) => new Option(title, name, false, name === before)),
    );
    this.show();
  }

  settings(filter: Filter): Settings {
    const strength = this.strength.valueAsNumber;
    const stroke = this.stroke.valueAsNumber;
    if (filter.kind === 'style') {
      const { leastStrength } = filter.model;
      const code = mixCodes(this.pad.parts(), stroke);
      const setting = { code, strength: Math.max(strength, leastStrength), strokeSize: stroke };
      return {
        first: { kind: 'styled', model: filter.model, title: filter.title, ...setting },
        second: null,
        mix: 0,
        strength: Math.min(1, strength / leastStrength),
        stroke: 1,
      };
    }
    const second = this.filters.find(({ name }) => name === this.mixWith.value);
    return {
      first: { kind: 'plain', filter },
      second: second ? unturned(second) : null,
      mix: this.mix.valueAsNumber,
      strength,
      stroke,
    };
  }

  private stylesOf(style: Style | null): Style[] {
    return this.filters.filter(
      (each): each is Style => each.kind === 'style' && each.model === style?.model,
    );
  }

  private show(): void {
    this.mix.disabled = !this.mixWith.value;
    percent('strength', this.strength);
    percent('mix', this.mix);
    const times = `${this.stroke.valueAsNumber}×`;
    element('stroke-value', HTMLOutputElement).value = times;
    this.stroke.setAttribute('aria-valuetext', times);
  }
}

/** A filter by itself, a style with its knobs at 1. */
function unturned(filter: Filter): Layer {
  if (filter.kind === 'plain') return { kind: 'plain', filter };
  const { model, title } = filter;
  const code = mixCodes([{ style: filter, share: 1 }], 1);
  return { kind: 'styled', model, title, code, strength: 1, strokeSize: 1 };
}

function percent(name: string, input: HTMLInputElement): void {
  const text = `${Math.round(100 * input.valueAsNumber)} %`;
  element(`${name}-value`, HTMLOutputElement).value = text;
  input.setAttribute('aria-valuetext', text);
}
