import { element } from './elements';
import { explain } from './errors';

const line = element('status', HTMLParagraphElement);

/** Say what goes on, in one line; screen readers read it out. */
export function say(text: string): void {
  line.textContent = text;
  delete line.dataset.kind;
}

/** Say what went wrong and what to do. */
export function complain(error: unknown): void {
  line.textContent = explain(error);
  line.dataset.kind = 'error';
}

/** Whether the line tells an error that has not been replaced yet. */
export function complaining(): boolean {
  return line.dataset.kind === 'error';
}
