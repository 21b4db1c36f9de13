// Keeps the page for when there is no network. VERSION, FILES and LATER are put before this by the build: without a network, a
// page and its scripts never come from two builds.

const PREFIX = `image-stream ${self.registration.scope} `;
const CACHE = PREFIX + VERSION;

self.addEventListener("install", event => {
  // Not from the browser's other cache, where an earlier build may still count as fresh.
  const files = FILES.map(file => new Request(file, { cache: "no-cache" }));
  event.waitUntil(caches.open(CACHE).then(cache => cache.addAll(files)));
});

self.addEventListener("activate", event => {
  const forget = async () => {
    const names = await caches.keys();
    const old = names.filter(name => name.startsWith(PREFIX) && name !== CACHE);
    await Promise.all(old.map(name => caches.delete(name)));
    // The page that has just been loaded is of this version.
    await self.clients.claim();
  };
  event.waitUntil(forget());
});

self.addEventListener("fetch", event => {
  if (event.request.method === "GET" && event.request.url.startsWith(self.registration.scope)) {
    event.respondWith(answer(event));
  }
});

// The network comes first, so that whatever is served here is what is shown: on localhost, another project may be next.
async function answer(event) {
  const { request } = event;
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    const name = request.url.slice(self.registration.scope.length);
    if (response.status === 200 && LATER.includes(name)) {
      // A full disk is no reason not to answer.
      event.waitUntil(cache.put(request, response.clone()).catch(() => {}));
    }
    return response;
  } catch {
    return (await cache.match(request, { ignoreSearch: true })) ?? Response.error();
  }
}
