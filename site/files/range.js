// Ranges of a file on the web. Runs in the worker.

// Why nothing was read. `code`: "offline" (or blocked by the host's CORS policy), "denied", "missing", "busy", "short",
// "wrong", "no-range", "status".
export class SourceError extends Error {
  constructor(code, url, detail = '') {
    super(`${code}: ${url}`);
    Object.assign(this, { code, url, detail: String(detail) });
  }
}

const MOST_SKIPPED = 64 << 20; // of a server that ignores ranges
const TRIES = 3;
const SLOW_MS = 30_000; // without a single byte

const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });

// A token goes to the host it was given for, nowhere else; browsers drop it when that host redirects to another.
const headersFor = (url, token) => (token && new URL(url).origin === new URL(token.endpoint).origin ? { Authorization: `Bearer ${token.value}` } : {});

export async function request(url, { headers = {}, token, signal }) {
  for (let attempt = 1; ; attempt++) {
    let response;
    try {
      response = await fetch(url, { headers: { ...headers, ...headersFor(url, token) }, credentials: 'omit', referrerPolicy: 'no-referrer', signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw new SourceError('offline', url, error.message);
    }
    if ((response.status === 429 || response.status === 503) && attempt < TRIES) {
      const asked = Number(response.headers.get('retry-after'));
      await response.body?.cancel();
      await pause(asked > 0 ? Math.min(asked, 10) * 1000 : 500, signal);
      continue;
    }
    if (response.ok || response.status === 416) return response;
    await response.body?.cancel();
    const code = { 401: 'denied', 403: 'denied', 404: 'missing', 410: 'missing', 429: 'busy', 503: 'busy' }[response.status] ?? 'status';
    throw new SourceError(code, url, response.status);
  }
}

// {bytes, total, etag}: at most `length` bytes from `offset` on, fewer where the file ends. `seen(count)` hears of progress.
export async function readRange(url, offset, length, { token, signal, seen = () => {} }) {
  const response = await request(url, { headers: { Range: `bytes=${offset}-${offset + length - 1}` }, token, signal });
  const etag = response.headers.get('x-linked-etag') ?? response.headers.get('etag') ?? '';
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
  const total = range ? Number(range[2]) || null : response.status === 200 ? Number(response.headers.get('content-length')) || null : null;
  if (response.status === 416) {
    await response.body?.cancel();
    return { bytes: new Uint8Array(0), total, etag };
  }
  // A server without ranges sends the file from its start; one that sends another range has its header to say so.
  let position = response.status === 206 ? (range ? Number(range[1]) : offset) : 0;
  if (position > offset) throw new SourceError('wrong', url, `${position} for ${offset}`);
  if (offset - position > MOST_SKIPPED) {
    await response.body?.cancel();
    throw new SourceError('no-range', url);
  }
  const bytes = new Uint8Array(length);
  let held = 0;
  const reader = response.body.getReader();
  try {
    while (held < length) {
      const slow = AbortSignal.timeout(SLOW_MS);
      const { done, value } = await Promise.race([reader.read(), new Promise((_, reject) => slow.addEventListener('abort', () => reject(new SourceError('short', url, 'slow'))))]);
      if (done) break;
      const from = Math.min(Math.max(offset - position, 0), value.length);
      const part = value.subarray(from, from + length - held);
      bytes.set(part, held);
      held += part.length;
      position += value.length;
      seen(part.length);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof SourceError ? error : new SourceError('short', url, error.message);
  } finally {
    reader.cancel().catch(() => {});
  }
  if (held < length && total !== null && offset + held < total) throw new SourceError('short', url, `${offset + held} of ${total}`);
  return { bytes: bytes.subarray(0, held), total, etag };
}
