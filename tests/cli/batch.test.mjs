// batch: a line in, a line out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bareEnvironment, run, spawn, tool } from './tool.mjs';

const version = '{"op":"version"}';

test('one response per request, in order; blank lines are skipped, the last line needs no end', () => {
  const { code, out } = run('batch', { input: `${version}\n\n  \r\nnot json\n{"op":"profiles"}\r\n${version}` });
  assert.equal(code, 0);
  const lines = out.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(lines.map((r) => [r.ok, r.op]), [[true, 'version'], [false, undefined], [true, 'profiles'], [true, 'version']]);
});

test('no input: no output', () => assert.deepEqual([run('batch').out, run('batch').code], ['', 0]));

test('a line over the limit gets an error, the next one its answer', () => {
  const { code, out } = run('batch', { input: `{"op":"${'x'.repeat(20 << 20)}"}\n${version}\n` });
  assert.equal(code, 0);
  const lines = out.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.equal(lines[0].ok, false);
  assert.match(lines[0].error.message + lines[0].error.expected, /8 MiB/);
  assert.equal(lines[1].ok, true);
});

test('zero bytes, deep nesting and broken UTF-8 get errors', () => {
  const input = Buffer.concat([Buffer.from([0, 10]), Buffer.from('[' .repeat(100000) + '\n'), Buffer.from([0x22, 0xff, 0x22, 10]), Buffer.from(`${version}\n`)]);
  const lines = run('batch', { input }).out.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(lines.map((r) => r.ok), [false, false, false, true]);
});

test('every response is written at once: a conversation', async () => {
  const child = spawn(tool, ['batch'], { env: bareEnvironment });
  child.stdout.setEncoding('utf8');
  for (let i = 0; i < 3; i++) {
    const answered = new Promise((resolve, reject) => {
      child.stdout.once('data', resolve);
      setTimeout(() => reject(new Error('no answer')), 20000).unref();
    });
    child.stdin.write(`${version}\n`);
    assert.equal(JSON.parse(await answered).ok, true);
  }
  child.stdin.end();
  assert.equal(await new Promise((resolve) => child.on('exit', resolve)), 0);
});

// Sanitizers reserve terabytes of address space, so there is nothing to limit there; the plain build runs this.
const cannotLimit = process.platform !== 'linux' ? 'ulimit -v is of Linux' : process.env.VRAM_SANITIZED ? 'sanitized build' : false;

test('memory stays bounded on a line without end', { skip: cannotLimit }, async () => {
  const child = spawn('/bin/sh', ['-c', `ulimit -v 500000; exec "${tool}" batch`], { env: bareEnvironment });
  const chunk = Buffer.alloc(16 << 20, 'a');
  let out = '';
  child.stdout.on('data', (data) => { out += data; });
  for (let i = 0; i < 40; i++) await new Promise((resolve) => child.stdin.write(chunk, resolve));
  child.stdin.end('\n');
  assert.equal(await new Promise((resolve) => child.on('exit', resolve)), 0);
  assert.equal(JSON.parse(out).ok, false);
});
