// Keeps the pages working without a network: everything is cached under the hash of its content when a version is first
// visited. A new version waits until the reader takes it (frame.js offers it), so that a visit never mixes two.
import { setCacheNameDetails } from 'workbox-core';
import { cleanupOutdatedCaches, precacheAndRoute } from 'workbox-precaching';
/* global PRECACHE, self, caches */

setCacheNameDetails({ prefix: 'vram-estimator' });
cleanupOutdatedCaches();
precacheAndRoute(PRECACHE, { cleanURLs: false, ignoreURLParametersMatching: [/./] });

self.addEventListener('message', ({ data }) => {
  if (data === 'take-over') self.skipWaiting();
});
self.addEventListener('activate', (event) => {
  const before = (name) => /^vram-estimator-[0-9a-f]{12}$/.test(name); // caches of versions before Workbox
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(before).map((name) => caches.delete(name)))).then(() => self.clients.claim()));
});
