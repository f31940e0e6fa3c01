// A host of weights on this machine, speaking Hugging Face's language, with the faults that real ones have. Never the
// outside network.
//   const server = await host({ 'model.gguf': { head: Buffer, bytes: 140e9 }, 'config.json': Buffer });
//   `${server.url}/ok` is the endpoint of a good host; other first pieces of the path are its faults, see `faults`.
import { createServer } from 'node:http';

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What a fault does to the answer of a file: changes of {status, headers, body} before it is sent.
const faults = {
  ok: () => ({}),
  denied: () => ({ status: 401 }),
  forbidden: () => ({ status: 403 }),
  gone: () => ({ status: 404 }),
  broken: () => ({ status: 500 }),
  'always-busy': () => ({ status: 429, headers: { 'retry-after': '1' } }),
  'no-range': () => ({ whole: true }),
  'wrong-range': () => ({ shift: 64 }),
  truncated: () => ({ cut: 0.5 }),
  slow: () => ({ drip: true }),
};

// `options.token`: files are only given for it. `requests` of the result lists what was asked: {path, range, token}.
export async function host(files, { token } = {}) {
  const requests = [];
  let busy = 0;
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    const [, mode, ...rest] = decodeURIComponent(url.pathname).split('/');
    const path = rest.join('/');
    requests.push({ mode, path, range: request.headers.range ?? '', token: request.headers.authorization ?? '' });
    const cors = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*', 'access-control-expose-headers': 'ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,Retry-After' };
    const refuse = (status, headers = {}) => response.writeHead(status, { ...cors, ...headers, 'content-type': 'text/plain' }).end(`${status}\n`);
    if (request.method === 'OPTIONS') return refuse(204);
    if (token && request.headers.authorization !== `Bearer ${token}`) return refuse(401);
    if (mode === 'busy' && ++busy % 3 !== 0) return refuse(429, { 'retry-after': '1' });
    if (mode === 'redirect') return response.writeHead(302, { ...cors, location: `http://127.0.0.1:${server.address().port}/ok/${rest.map(encodeURIComponent).join('/')}${url.search}` }).end();
    if (mode === 'circle') return response.writeHead(302, { ...cors, location: request.url }).end();

    const listing = /^api\/models\/[^/]+\/[^/]+\/tree\/[^/]+/.test(path);
    if (listing && mode === 'not-json') return response.writeHead(200, cors).end('<html>');
    if (listing && !['denied', 'forbidden', 'gone', 'always-busy', 'broken'].includes(mode)) {
      const rows = Object.entries(files).map(([name, file]) => ({ type: 'file', path: name, size: file.bytes ?? file.length }));
      const page = Number(url.searchParams.get('page') ?? 0);
      const next = mode === 'paged' && page + 1 < rows.length ? { link: `<http://127.0.0.1:${server.address().port}/${mode}/${path}?page=${page + 1}>; rel="next"` } : {};
      response.writeHead(200, { ...cors, ...next, 'content-type': 'application/json' });
      return response.end(JSON.stringify(mode === 'paged' ? rows.slice(page, page + 1) : rows));
    }
    const fault = (faults[mode] ?? faults.ok)();
    if (fault.status) return refuse(fault.status, fault.headers);
    const file = files[path.replace(/^[^/]+\/[^/]+\/resolve\/[^/]+\//, '')] ?? files[path];
    if (!file) return refuse(404);
    const total = file.bytes ?? file.length;
    const head = file.head ?? file;
    const asked = fault.whole ? null : /^bytes=(\d+)-(\d+)?$/.exec(request.headers.range ?? '');
    const from = asked ? Number(asked[1]) + (fault.shift ?? 0) : 0;
    const to = Math.min(asked?.[2] ? Number(asked[2]) + 1 + (fault.shift ?? 0) : total, total);
    const etag = file.etag ?? `"${total}-${head.length}"`;
    if (asked && from >= total) return refuse(416, { 'content-range': `bytes */${total}`, etag });
    const headers = { ...cors, etag, 'accept-ranges': 'bytes', 'content-length': to - from };
    if (asked) headers['content-range'] = `bytes ${from}-${to - 1}/${total}`;
    response.writeHead(asked ? 206 : 200, headers);
    const end = fault.cut ? from + Math.floor((to - from) * fault.cut) : to;
    for (let at = from; at < end && !response.destroyed; ) {
      const step = Math.min(fault.drip ? 512 : 1 << 20, end - at);
      const part = Buffer.alloc(step);
      if (at < head.length) head.copy(part, 0, at, Math.min(at + step, head.length));
      if (!response.write(part)) await Promise.race([new Promise((done) => response.once('drain', done)), new Promise((done) => response.once('close', done))]);
      at += step;
      if (fault.drip) await wait(5);
    }
    if (fault.cut) return response.destroy();
    response.end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A test that fails before it closes its host must not keep the process.
  server.on('connection', (socket) => socket.unref());
  server.unref();
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    close: () => new Promise((resolve) => (server.closeAllConnections?.(), server.close(resolve))),
  };
}
