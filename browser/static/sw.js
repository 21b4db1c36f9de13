// Keeps the page for when there is no network. VERSION and FILES, put before this by the build, are of one build: without a
// network, a page and its scripts never come from two.

const CACHE = `image-stream-${VERSION}`;

self.addEventListener("install", event => {
  event.waitUntil(caches.open(CACHE).then(cache => cache.addAll(FILES)));
});

self.addEventListener("activate", event => {
  const forget = async () => {
    const names = await caches.keys();
    const old = names.filter(name => name.startsWith("image-stream-") && name !== CACHE);
    await Promise.all(old.map(name => caches.delete(name)));
    // The page that has just been loaded is of this version.
    await self.clients.claim();
  };
  event.waitUntil(forget());
});

self.addEventListener("fetch", event => {
  const url = new URL(event.request.url);
  if (event.request.method === "GET" && url.origin === self.location.origin) {
    event.respondWith(answer(event.request));
  }
});

// The network comes first, so that whatever is served here is what is shown: on localhost, another project may be next.
async function answer(request) {
  const cache = await caches.open(CACHE);
  const response = await fetch(request).catch(() => cache.match(request, { ignoreSearch: true }));
  // Files of this version are there already; the others, such as the gallery's, are kept when they are first loaded.
  if (response?.status === 200 && !(await cache.match(request))) {
    await cache.put(request, response.clone());
  }
  return response ?? Response.error();
}
