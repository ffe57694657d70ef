import type { Size } from './sizes';

/** Name of a downloaded file, such as `starry_night-320x240-20260102-030405.png`. */
export function fileName(filter: string, size: Size, when: Date, ending: string): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${when.getFullYear()}${two(when.getMonth() + 1)}${two(when.getDate())}`;
  const time = `${two(when.getHours())}${two(when.getMinutes())}${two(when.getSeconds())}`;
  const safe = filter.replace(/[^\p{L}\p{N}_-]+/gu, '_').replace(/^_+|_+$/g, '') || 'image';
  return `${safe}-${size.width}x${size.height}-${day}-${time}.${ending}`;
}

/** "1.8 MB", "640 kB". */
export function megabytes(bytes: number): string {
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}

export type MediaKind = 'image' | 'video' | 'other';

/** What a chosen file is, by its type, or by its ending where the system gave no type. */
export function mediaKind(file: { name: string; type: string }): MediaKind {
  if (file.type.startsWith('image/')) return 'image';
  if (file.type.startsWith('video/')) return 'video';
  if (file.type) return 'other';
  if (/\.(jpe?g|png|webp|avif|gif|bmp)$/i.test(file.name)) return 'image';
  if (/\.(mp4|m4v|webm|mov|mkv|ogv)$/i.test(file.name)) return 'video';
  return 'other';
}

/** What a style of a file is called: "My_cat.final.jpg" is "My cat.final". */
export function titleOf(file: string): string {
  const spoken = file.replace(/\.[^.]*$/, '').replace(/[\s_]+/g, ' ').trim();
  return spoken ? spoken.charAt(0).toUpperCase() + spoken.slice(1) : 'Picture';
}

/** A name, or with the least number from 2 on that makes it one that is not taken. */
export function unusedName(name: string, taken: ReadonlySet<string>): string {
  let candidate = name;
  for (let number = 2; taken.has(candidate); number++) candidate = `${name} ${number}`;
  return candidate;
}
