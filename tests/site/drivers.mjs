// Firefox and WebKitGTK as the system has them, without Playwright's patched builds: Firefox by WebDriver BiDi, WebKitGTK by
// its WebDriver. Each gives {name, goto(url), run(source), close()}; `run` evaluates the body of an async function, and
// what it returns comes back as JSON. null where the browser is not installed.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { WebSocket } from 'ws';

const inPath = (name) => spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function until(attempt, ms = 30000) {
  for (const end = Date.now() + ms; ; await sleep(150)) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

const asJson = (source) => `(async () => JSON.stringify((await (async () => { ${source} })()) ?? null))()`;

export async function firefox() {
  const binary = process.env.FIREFOX_PATH ?? (inPath('firefox-esr') || inPath('firefox'));
  if (!binary) return null;
  const [port, profile] = [await freePort(), await mkdtemp(path.join(tmpdir(), 'vram-firefox-'))];
  const child = spawn(binary, ['--headless', '--no-remote', '--profile', profile, `--remote-debugging-port=${port}`, 'about:blank'], { stdio: 'ignore', env: { ...process.env, HOME: profile, MOZ_DISABLE_CONTENT_SANDBOX: '1' } });
  const socket = await until(
    () =>
      new Promise((resolve, reject) => {
        const attempt = new WebSocket(`ws://127.0.0.1:${port}/session`, { perMessageDeflate: false });
        attempt.once('open', () => resolve(attempt));
        attempt.once('error', reject);
      }),
  );
  let next = 1;
  const waiting = new Map();
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    const one = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.type === 'error') one?.reject(new Error(`${message.error}: ${message.message}`));
    else one?.resolve(message.result);
  });
  const send = (method, params) =>
    new Promise((resolve, reject) => {
      waiting.set(next, { resolve, reject });
      socket.send(JSON.stringify({ id: next++, method, params }));
    });
  await send('session.new', { capabilities: {} });
  const { contexts } = await send('browsingContext.getTree', {});
  const [{ context }] = contexts;
  return {
    name: 'Firefox',
    goto: (url) => send('browsingContext.navigate', { context, url, wait: 'complete' }),
    async run(source) {
      const { type, result, exceptionDetails } = await send('script.evaluate', { expression: asJson(source), target: { context }, awaitPromise: true });
      if (type !== 'success') throw new Error(exceptionDetails?.text ?? type);
      return JSON.parse(result.value);
    },
    async close() {
      socket.terminate();
      child.kill();
      await new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve()));
      await rm(profile, { recursive: true, force: true });
    },
  };
}

export async function webkit() {
  const driver = inPath('WebKitWebDriver');
  const browser = ['4.1', '4.0', '6.0'].flatMap((version) => ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((place) => `/usr/lib/${place}/webkit2gtk-${version}/MiniBrowser`)).find((file) => existsSync(file));
  if (!driver || !browser || (!process.env.DISPLAY && !inPath('Xvfb'))) return null;
  let display = process.env.DISPLAY;
  let screen;
  if (!display) {
    display = `:${90 + (process.pid % 900)}`;
    screen = spawn('Xvfb', [display, '-screen', '0', '1280x900x24', '-nolisten', 'tcp'], { stdio: 'ignore' });
    await until(() => access(`/tmp/.X11-unix/X${display.slice(1)}`));
  }
  const port = await freePort();
  const env = { ...process.env, DISPLAY: display, LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_COMPOSITING_MODE: '1', WEBKIT_FORCE_SANDBOX: '0', GIO_USE_VFS: 'local' };
  const child = spawn(driver, [`--port=${port}`], { stdio: 'ignore', env });
  const ask = async (method, address, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${address}`, { method, ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(value?.message ?? String(response.status));
    return value;
  };
  const kill = () => {
    child.kill();
    screen?.kill();
  };
  let sessionId;
  try {
    await until(() => ask('GET', '/status'));
    ({ sessionId } = await ask('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { binary: browser, args: ['--automation'] } } } }));
  } catch (error) {
    kill();
    throw error;
  }
  const session = `/session/${sessionId}`;
  await ask('POST', `${session}/timeouts`, { script: 60000, pageLoad: 60000 });
  return {
    name: 'WebKitGTK',
    goto: (url) => ask('POST', `${session}/url`, { url }),
    async run(source) {
      const text = await ask('POST', `${session}/execute/async`, { script: `const done = arguments[arguments.length - 1]; ${asJson(source)}.then(done, (error) => done(JSON.stringify({ thrown: String(error) })))`, args: [] });
      const value = JSON.parse(text);
      if (value?.thrown) throw new Error(value.thrown);
      return value;
    },
    async close() {
      await ask('DELETE', session).catch(() => {});
      kill();
    },
  };
}
