// What was read of remote files, kept in this browser by address, size and ETag: read again in a moment, and without a
// network. The 100 newest.
const CACHE = 'vram-estimator-files';
const MOST = 100;
const key = (place) => `https://kept.invalid/${encodeURIComponent(place)}`;

const open = async () => (globalThis.caches ? caches.open(CACHE).catch(() => null) : null);

// {etag, total, file}, or null.
export async function kept(place) {
  try {
    return (await (await open())?.match(key(place)))?.json() ?? null;
  } catch {
    return null;
  }
}

export async function keep(place, content) {
  try {
    const cache = await open();
    if (!cache) return;
    await cache.delete(key(place));
    await cache.put(key(place), new Response(JSON.stringify(content), { headers: { 'Content-Type': 'application/json' } }));
    const all = await cache.keys(); // in the order of their arrival
    await Promise.all(all.slice(0, Math.max(0, all.length - MOST)).map((request) => cache.delete(request)));
  } catch {
    // A full or forbidden store is as good as none.
  }
}
