import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { defineConfig } from 'vitest/config';

const OUT = join(import.meta.dirname, '../fast_nst/assets/web');
const ORT = join(import.meta.dirname, 'node_modules/onnxruntime-web');
const { version } = JSON.parse(readFileSync(join(ORT, 'package.json'), 'utf8')) as { version: string };

/** The plain build, and the one with WebGPU that runs in every browser that has it. */
const RUNTIME = ['ort-wasm-simd-threaded', 'ort-wasm-simd-threaded.asyncify'];

function copyRuntime(): void {
  mkdirSync(join(OUT, 'runtime'), { recursive: true });
  for (const name of RUNTIME) {
    for (const ending of ['mjs', 'wasm']) {
      copyFileSync(join(ORT, 'dist', `${name}.${ending}`), join(OUT, 'runtime', `${name}.${ending}`));
    }
  }
}

/** Put the list of the page's own files, and a hash of them, in front of the service worker. */
function listFiles(): void {
  const worker = join(OUT, 'sw.js');
  const code = readFileSync(worker, 'utf8');
  if (/^\s*(import|export)\b/m.test(code)) throw new Error('sw.js must be a classic script.');
  const files = readdirSync(OUT, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(OUT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((file) => file !== 'sw.js' && !file.startsWith('runtime/') && !file.startsWith('filters/'))
    .sort();
  const hash = createHash('sha256').update(code).update(version);
  for (const file of files) hash.update(file).update(readFileSync(join(OUT, file)));
  const list = JSON.stringify({ version: hash.digest('hex').slice(0, 16), files });
  writeFileSync(worker, `self.PRECACHE=${list};\n${code}`);
}

export default defineConfig({
  base: './',
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'production'] },
  define: { RUNTIME_VERSION: JSON.stringify(version) },
  worker: { format: 'es' },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      input: { page: join(import.meta.dirname, 'index.html'), sw: join(import.meta.dirname, 'src/sw.ts') },
      output: {
        entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
  plugins: [
    {
      name: 'runtime-and-file-list',
      apply: 'build',
      closeBundle() {
        copyRuntime();
        listFiles();
      },
    },
  ],
  test: { include: ['tests/**/*.test.ts'] },
});
