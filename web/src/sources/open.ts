import { PageError } from '../errors';
import { mediaKind } from '../names';
import { Live } from './live';
import type { Source } from './source';
import { Still } from './still';

/**
 * A photo or a video.
 *
 * @throws PageError if it is neither, or cannot be read.
 */
export async function openFile(file: File): Promise<Source> {
  const kind = mediaKind(file);
  if (kind === 'image') return Still.open(file, file.name);
  if (kind === 'video') return Live.file(file);
  throw new PageError(`${file.name} is neither an image nor a video. Open a JPEG, PNG, WebP, MP4 or WebM.`);
}

export async function openSample(address: string): Promise<Source> {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) throw new PageError(`${address} is missing. Write the folder again with fast-nst web.`);
  return Still.open(await response.blob(), 'Sample image');
}
