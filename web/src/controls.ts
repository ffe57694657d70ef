/* Sliders and selects, as settings. */
import { element } from './elements';
import type { Filter } from './filters';
import type { Settings } from './messages';
import { CHOICES, parseChoice, type SizeChoice } from './sizes';

export class Controls {
  readonly size = element('size', HTMLSelectElement);
  private readonly strength = element('strength', HTMLInputElement);
  private readonly stroke = element('stroke', HTMLInputElement);
  private readonly mix = element('mix', HTMLInputElement);
  private readonly mixWith = element('mix-with', HTMLSelectElement);

  /** @param changed is called after every change, and told whether the size was changed. */
  constructor(
    private readonly filters: readonly Filter[],
    changed: () => void,
  ) {
    this.size.replaceChildren(
      new Option('Automatic', 'auto', true, true),
      ...CHOICES.map((side) => new Option(`${side} px`, String(side))),
      new Option('Full', 'full'),
    );
    element('mix-field', HTMLDivElement).hidden = filters.length < 2;
    for (const control of [this.strength, this.stroke, this.mix, this.mixWith, this.size]) {
      control.addEventListener('input', () => {
        this.show();
        changed();
      });
    }
    this.show();
  }

  get sizeChoice(): SizeChoice {
    return parseChoice(this.size.value);
  }

  /** Offer the other filters for mixing. */
  chosen(filter: Filter): void {
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
    return {
      filter,
      second: this.filters.find(({ name }) => name === this.mixWith.value) ?? null,
      mix: this.mix.valueAsNumber,
      strength: this.strength.valueAsNumber,
      stroke: this.stroke.valueAsNumber,
    };
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

function percent(name: string, input: HTMLInputElement): void {
  const text = `${Math.round(100 * input.valueAsNumber)} %`;
  element(`${name}-value`, HTMLOutputElement).value = text;
  input.setAttribute('aria-valuetext', text);
}
