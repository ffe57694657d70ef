/** Something that the user can put right; its message is shown as it is. */
export class PageError extends Error {}

/** One line that says what went wrong, whatever was thrown. */
export function explain(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? '').trim() || 'Something went wrong. Reload the page.';
}

/** Why the camera did not start, from the name of getUserMedia's error. */
export function explainCamera(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'The camera was refused. Allow it in the address bar, then press Camera again.';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'No camera was found. Connect one, or open a photo.';
    case 'NotReadableError':
    case 'AbortError':
      return 'The camera is in use by another program. Close that, then press Camera again.';
    default:
      return `The camera did not start: ${explain(error)}`;
  }
}
