/*
 * The service worker. The page's own files are kept when it is installed; the runtime and the filters,
 * which are large, when they are first used. The build writes the list of files in front of this script.
 */
export {};

declare const self: ServiceWorkerGlobalScope & {
  /** Relative addresses, and a hash of all the files. */
  PRECACHE: { version: string; files: string[] };
};

const PAGE = `page-${self.PRECACHE.version}`;
const KEPT = 'kept';

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(PAGE)
      .then((cache) =>
        cache.addAll(self.PRECACHE.files.map((file) => new Request(file, { cache: 'reload' }))),
      )
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) =>
        Promise.all(names.filter((name) => name !== PAGE && name !== KEPT).map((name) => caches.delete(name))),
      )
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  event.respondWith(answer(request, url).then(isolated));
});

async function answer(request: Request, url: URL): Promise<Response> {
  const path = url.href.slice(self.registration.scope.length).split(/[?#]/)[0] ?? '';
  const file = path === '' ? 'index.html' : path;
  if (self.PRECACHE.files.includes(file)) {
    const kept = await (await caches.open(PAGE)).match(file);
    if (kept) return kept;
  }
  const unchanging = path.startsWith('runtime/') || url.searchParams.has('sha256');
  return unchanging ? keptFirst(request, url) : networkFirst(request);
}

/** Files that never change under their address. */
async function keptFirst(request: Request, url: URL): Promise<Response> {
  const cache = await caches.open(KEPT);
  const kept = await cache.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.status === 200) {
    // Versions of the same file that were used before have no use any more.
    await cache.delete(new URL(url.pathname, url.origin).href, { ignoreSearch: true });
    await cache.put(request, response.clone());
  }
  return response;
}

async function networkFirst(request: Request): Promise<Response> {
  const cache = await caches.open(KEPT);
  try {
    const response = await fetch(request);
    if (response.status === 200) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request);
    if (kept) return kept;
    throw error;
  }
}

/** With these headers browsers give WASM threads; hosts such as GitHub Pages do not send them. */
function isolated(response: Response): Response {
  if (response.type === 'error' || response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  headers.set('Cross-Origin-Resource-Policy', 'same-origin');
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
