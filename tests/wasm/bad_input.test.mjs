// Whatever is handed over comes back as an answer: no trap, no memory that grows with each call.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { call, estimate, load } from '../../build/wasm/dist/node.js';

const mebibyte = 2 ** 20;
const request = { model: { id: 'llama-3.1-8b' }, gpu: { id: 'rtx-4090' } };
let expected;

before(async () => {
  await load();
  expected = JSON.stringify(estimate(request));
  assert.equal(estimate(request).ok, true);
});

// Refused with a reason, and the engine answers the next request as if nothing had been.
function refused(text) {
  const { ok, error } = JSON.parse(call(text));
  assert.equal(ok, false);
  assert.ok(error.message.length > 0 && error.message.length < 1000);
  assert.equal(JSON.stringify(estimate(request)), expected);
  return error;
}

const hostile = {
  'nothing': '',
  'no JSON': 'hello',
  'half a request': '{"op":"estimate","model":{"id":"llama',
  'an array': '[]',
  'a NUL': '{"op":"estimate\0"}',
  'a lone surrogate': '{"op":"\ud800"}',
  'a number beyond double': '{"op":"estimate","context":1e999}',
  '50 MB in one string': `{"op":"${'a'.repeat(50e6)}"}`,
  '50 MB of characters of three bytes': '€'.repeat(50e6 / 3),
  '8 MiB of small numbers': `{"op":"estimate","model":[${'0,'.repeat(4 * mebibyte - 100)}0]}`,
  'a million open brackets': '['.repeat(1e6),
  'a million open objects': '{"a":'.repeat(1e6),
};
for (const [name, text] of Object.entries(hostile)) test(name, () => { refused(text); });

test('values that are no request', () => {
  for (const value of [undefined, null, 7, true, [], () => 1]) assert.equal(call(value).ok, false);
});

test('memory stays where it is after ten thousand calls and fifty long ones', () => {
  const long = `{"op":"${'a'.repeat(7 * mebibyte)}"}`;
  const round = () => {
    for (let i = 0; i < 200; ++i) estimate(request);
    call(long);
  };
  round();
  const before = process.memoryUsage();
  for (let i = 0; i < 50; ++i) round();
  const after = process.memoryUsage();
  // ArrayBuffers hold the engine's linear memory, which can only grow.
  assert.ok(after.arrayBuffers + after.external <= before.arrayBuffers + before.external + 32 * mebibyte,
    `${before.external} -> ${after.external} bytes`);
});
