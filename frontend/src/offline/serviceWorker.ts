// Opens a page without a network: the gate, and one's tickets. It knows the files of one build, by name, and answers
// for these and for its own pages alone: never for /api, never for another page. Bundled by itself by frontend/build,
// once for each of the two.

/** The page under whose address (and below it) this worker stands: "/gate/", "/tickets". */
declare const EM_PAGE: string;
/** The page and every file that it may ask for; names carry hashes, so that a build's files never change. */
declare const EM_FILES: string[];
/** Changes with every build that changes one of the files. */
declare const EM_VERSION: string;
/**
 * Whether the server's page comes first and the kept one only when there is none: a gate opens at once, and updates
 * when told.
 */
declare const EM_ASKS_FIRST: boolean;

interface Lifetime extends Event {
  waitUntil: (work: Promise<unknown>) => void;
}
interface Asking extends Event {
  request: Request;
  respondWith: (answer: Promise<Response>) => void;
}
interface GateWorker {
  addEventListener: ((type: 'install' | 'activate', listener: (event: Lifetime) => void) => void)
    & ((type: 'fetch', listener: (event: Asking) => void) => void)
    & ((type: 'message', listener: (event: MessageEvent) => void) => void);
  skipWaiting: () => Promise<void>;
  clients: { claim: () => Promise<void> };
}
const worker = self as unknown as GateWorker;

const prefix = `em-${EM_PAGE.replace(/\//g, '')}-`;
const cacheName = `${prefix}${EM_VERSION}`;
const files = new Set(EM_FILES);
/** How long a page from the server is waited for, in milliseconds. */
const patience = 4_000;

worker.addEventListener('install', (event) => {
  // All of it or nothing: half a page is worse at the door than last week's. Past the browser's own cache, for the page
  // itself has no hash in its name.
  event.waitUntil(caches.open(cacheName).then((cache) =>
    cache.addAll([...files].map((file) => new Request(file, { cache: 'no-cache' })))));
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(caches.keys()
    .then((names) => Promise.all(names.filter((name) => name.startsWith(prefix) && name !== cacheName).map((name) => caches.delete(name))))
    .then(() => worker.clients.claim()));
});

// A newer build waits until nobody scans with the old one, or until somebody says so.
worker.addEventListener('message', (event) => { if (event.data === 'take over') void worker.skipWaiting(); });

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (request.mode === 'navigate') {
    if (`${url.pathname}/`.startsWith(EM_PAGE)) event.respondWith(EM_ASKS_FIRST ? fresh(request) : kept(EM_PAGE, request));
  } else if (files.has(url.pathname)) {
    event.respondWith(kept(url.pathname, request));
  }
});

async function kept(name: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(name)) ?? fetch(request);
}

/** The page as the server has it; the kept one when the server is away, or too slow. */
async function fresh(request: Request): Promise<Response> {
  const answer = fetch(request);
  const slow = new Promise<null>((resolve) => setTimeout(() => resolve(null), patience));
  const first = await Promise.race([answer, slow]).catch(() => null);
  if (first !== null) return first;
  const cache = await caches.open(cacheName);
  return (await cache.match(EM_PAGE)) ?? answer;
}

export {};
