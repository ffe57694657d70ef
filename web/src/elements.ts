/** An element of index.html that must be there, of the class that it must have. */
export function element<T extends Element>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} #${id}.`);
  return found;
}

export function setPressed(button: HTMLButtonElement, pressed: boolean): void {
  button.setAttribute('aria-pressed', String(pressed));
}

/** Change a button's text, beside its icon. */
export function setText(button: HTMLButtonElement, text: string): void {
  const label = button.querySelector('span');
  if (label) label.textContent = text;
}
