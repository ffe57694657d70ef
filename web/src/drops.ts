/* Files that are dropped on the page: on the list of filters they are styles, elsewhere photos and videos. */

/** @param dropped is told whether the files fell on the list of filters. */
export function acceptDrops(dropped: (files: FileList | undefined, onStyles: boolean) => void): void {
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.dataset.dropping = isOnStyles(event) ? 'styles' : 'image';
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) delete document.body.dataset.dropping;
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    delete document.body.dataset.dropping;
    dropped(event.dataTransfer?.files, isOnStyles(event));
  });
}

function isOnStyles({ target }: DragEvent): boolean {
  return target instanceof Element && target.closest('.strip') !== null;
}
