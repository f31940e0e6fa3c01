// A small static server for the built page: right MIME types, one folder, localhost only.
//   node site/serve.mjs [port]        prints the URL
// As a module: serve({ folder, base, port }) → { url, close }.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.png': 'image/png',
};
export const contentType = (name) => types[path.extname(name)] ?? 'application/octet-stream';

export async function serve({ folder = path.join(root, 'dist', 'site'), base = '/', port = 0 } = {}) {
  const server = createServer(async (request, response) => {
    const refuse = (status) => response.writeHead(status, { 'content-type': 'text/plain' }).end(`${status}\n`);
    let name;
    try {
      name = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    } catch {
      return refuse(400);
    }
    if (!name.startsWith(base)) return refuse(404);
    const file = path.join(folder, name.endsWith('/') ? `${name.slice(base.length)}index.html` : name.slice(base.length));
    if (file !== folder && !file.startsWith(folder + path.sep)) return refuse(403);
    try {
      const body = await readFile(file);
      response.writeHead(200, {
        'content-type': contentType(file),
        'cache-control': 'no-cache',
        'access-control-allow-origin': '*', // the widget is for other people's pages
        'x-content-type-options': 'nosniff',
      });
      response.end(body);
    } catch {
      refuse(404);
    }
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${server.address().port}${base}`,
    close: () => new Promise((resolve) => (server.closeAllConnections?.(), server.close(resolve))),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await serve({ port: Number(process.argv[2] ?? process.env.PORT ?? 8080) });
  console.log(`vram-estimator is at ${url}  (Ctrl+C ends it)`);
}
