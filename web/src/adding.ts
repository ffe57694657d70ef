/* The button that makes a style of a picture. */
import { element } from './elements';
import type { Filter, Style, StyledModel } from './filters';
import { complain, say } from './status';
import type { StyleMaker } from './styles';

export class StyleButton {
  private readonly button = element('style-button', HTMLButtonElement);
  private readonly input = element('style-input', HTMLInputElement);

  /**
   * @param filters those that are there; the first whose model takes further styles decides of which model
   * these are.
   * @param added is called with every new style.
   */
  constructor(
    private readonly maker: StyleMaker,
    private readonly filters: () => readonly Filter[],
    private readonly added: (style: Style) => void,
  ) {
    document.body.toggleAttribute('data-styles', this.offered);
    this.button.hidden = !this.offered;
    this.button.addEventListener('click', () => {
      this.input.click();
    });
    this.input.addEventListener('change', () => {
      this.open(this.input.files ?? undefined);
      this.input.value = ''; // the same file can be chosen again
    });
  }

  /** Whether there is a model that takes further styles. */
  get offered(): boolean {
    return this.model !== null;
  }

  open(files: FileList | undefined): void {
    const file = files?.[0];
    if (file && this.model) void this.make(file, this.model).catch(complain);
  }

  private get model(): StyledModel | null {
    const models = this.filters().flatMap((each) => (each.kind === 'style' ? [each.model] : []));
    return models.find(({ encode }) => encode !== null) ?? null;
  }

  private async make(file: File, model: StyledModel): Promise<void> {
    const started = performance.now();
    say(`Looking at ${file.name}…`);
    this.button.setAttribute('aria-busy', 'true');
    try {
      const style = await this.maker.make(file, model, this.filters());
      document.documentElement.dataset.styleMs = String(Math.round(performance.now() - started));
      this.added(style);
    } finally {
      this.button.removeAttribute('aria-busy');
    }
  }
}
