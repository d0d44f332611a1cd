// Keeps the page in the browser, so that it opens without a network. Nothing else goes through here.

/** A hash of the build. */
declare const BUILD: string;
/** The files of the page, each with that hash in its address: none can be taken for that of another build. */
declare const FILES: readonly string[];

const PREFIX = "page-";
const KEPT = PREFIX + BUILD;
/** How long a network is waited for that says neither yes nor no. */
const PATIENCE_MS = 3_000;
const worker = self as unknown as ServiceWorkerGlobalScope;
const home = worker.registration.scope;
const files = new Set(FILES.map((file) => new URL(file, home).href));

worker.addEventListener("install", (event) => {
  event.waitUntil(keep());
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(takeOver());
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate" && request.url.split("#")[0] === home) event.respondWith(page(request));
  else if (files.has(request.url)) event.respondWith(file(request));
});

async function keep(): Promise<void> {
  await (await caches.open(KEPT)).addAll([home, ...files]);
  await worker.skipWaiting();
}

/** From now on this build alone is kept, and shown in every tab that opens. */
async function takeOver(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== KEPT);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** The page as the server has it, or as it is kept where that cannot be had. */
async function page(request: Request): Promise<Response> {
  const kept = await caches.match(home, { cacheName: KEPT });
  try {
    const fresh = await fetch(request, kept && { signal: AbortSignal.timeout(PATIENCE_MS) });
    return fresh.ok ? fresh : (kept ?? fresh);
  } catch (thrown) {
    if (kept) return kept;
    throw thrown;
  }
}

async function file(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: KEPT })) ?? fetch(request);
}
