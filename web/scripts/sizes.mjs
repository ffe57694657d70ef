/* Prints what the build weighs, and fails if the page without the runtime is more than it may be. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const OUT = join(import.meta.dirname, '../../fast_nst/assets/web');
const MOST = 150_000; // bytes, gzipped

const sizes = { page: 0, pageGzipped: 0 };
for (const entry of readdirSync(OUT, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const file = join(entry.parentPath, entry.name);
  const name = relative(OUT, file);
  const bytes = readFileSync(file);
  const gzipped = gzipSync(bytes, { level: 9 }).length;
  console.log(`${name.padEnd(52)} ${show(bytes.length)} ${show(gzipped)} gzipped`);
  if (name.startsWith('runtime')) continue;
  sizes.page += bytes.length;
  sizes.pageGzipped += gzipped;
}
console.log(`${'the page without runtime/'.padEnd(52)} ${show(sizes.page)} ${show(sizes.pageGzipped)} gzipped`);
if (sizes.pageGzipped > MOST) {
  console.error(`The page is ${sizes.pageGzipped} bytes gzipped; at most ${MOST} are wanted.`);
  process.exit(1);
}

/** @param {number} bytes */
function show(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`.padStart(11);
}
