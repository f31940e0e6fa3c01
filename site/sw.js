// Keeps the page working without a network. The cache is named after the build; only own caches are deleted.
/* global CACHE_NAME, CACHE_FILES, self, caches */
self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE_NAME).then((cache) => cache.addAll(CACHE_FILES)).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  const stale = (name) => name.startsWith('vram-estimator-') && name !== CACHE_NAME;
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter(stale).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

// The document comes from the network first, so that a new build is seen; hashed files never change under their name.
self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || new URL(request.url).origin !== self.location.origin) return;
  if (request.mode === 'navigate') {
    event.respondWith(fetch(request).catch(() => caches.match('./', { cacheName: CACHE_NAME })));
  } else {
    event.respondWith(caches.match(request, { cacheName: CACHE_NAME }).then((hit) => hit ?? fetch(request)));
  }
});
