const MAX_WAIT_MS = 3000;

/**
 * Install the service worker, which keeps the page for use without a network.
 *
 * Resolves when it has taken over, so that what is loaded next is kept, too. Browsers without one (or
 * addresses without https) go on without.
 *
 * @returns whether the page works offline from now on.
 */
export async function installOffline(): Promise<boolean> {
  const container = (navigator as { serviceWorker?: ServiceWorkerContainer }).serviceWorker;
  if (!container) return false;
  try {
    await container.register('sw.js');
  } catch {
    return false;
  }
  if (container.controller) return true;
  return new Promise((resolve) => {
    container.addEventListener('controllerchange', () => {
      resolve(true);
    });
    setTimeout(() => {
      resolve(container.controller !== null);
    }, MAX_WAIT_MS);
  });
}
