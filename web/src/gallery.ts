/* The filters as buttons. */
import { element, setPressed } from './elements';
import type { Filter } from './filters';

export class Gallery {
  private readonly group = element('filters', HTMLDivElement);
  private readonly buttons = new Map<string, HTMLButtonElement>();

  constructor(
    filters: readonly Filter[],
    private readonly chosen: (filter: Filter) => void,
  ) {
    this.group.replaceChildren(...filters.map((filter) => this.button(filter)));
  }

  /** Show a further filter, before the others. */
  add(filter: Filter): void {
    this.group.prepend(this.button(filter));
    this.group.scrollLeft = 0;
  }

  mark(filter: Filter): void {
    for (const [name, button] of this.buttons) setPressed(button, name === filter.name);
  }

  private button(filter: Filter): HTMLButtonElement {
    const button = makeButton(filter);
    button.addEventListener('click', () => {
      this.chosen(filter);
    });
    this.buttons.set(filter.name, button);
    return button;
  }
}

function makeButton(filter: Filter): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.dataset.filter = filter.name;
  button.title = filter.by ? `${filter.title}, ${filter.by}` : filter.title;
  setPressed(button, false);
  button.append(makeImage(filter), text('name', filter.title));
  if (filter.by) button.append(text('by', filter.by));
  return button;
}

function makeImage(filter: Filter): HTMLElement {
  if (filter.thumbnail === null) {
    const letter = text('image', filter.title.charAt(0));
    letter.ariaHidden = 'true';
    return letter;
  }
  const image = document.createElement('img');
  image.className = 'image';
  image.src = filter.thumbnail;
  image.alt = ''; // the name stands beneath
  image.width = image.height = 104;
  return image;
}

function text(kind: string, content: string): HTMLSpanElement {
  const span = document.createElement('span');
  span.className = kind;
  span.textContent = content;
  return span;
}
