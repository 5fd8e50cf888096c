/**
 * Adds the headers that isolate a page (shared memory, the fine clock) to all that the site loads, since not every server
 * of static files can be told to send them.
 */
const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};

interface ServiceWorkerScope {
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
}

interface LifetimeEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface LoadEvent extends Event {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const scope = globalThis as unknown as ServiceWorkerScope;

addEventListener("install", () => void scope.skipWaiting());
addEventListener("activate", (event) => (event as LifetimeEvent).waitUntil(scope.clients.claim()));
addEventListener("fetch", (event) => {
  const { request } = event as LoadEvent;
  if (new URL(request.url).origin === location.origin) (event as LoadEvent).respondWith(isolated(request));
});

async function isolated(request: Request): Promise<Response> {
  const response = await fetch(request);
  const { status, statusText, body } = response;
  // A redirect that the browser is to follow itself cannot be read.
  if (status === 0) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  return new Response(body, { status, statusText, headers });
}
