// What cannot be answered: exit code 2, a message on stderr that names the flag, and never a crash.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { file, folder, noModels, run, tool } from './tool.mjs';

const manual = 'estimate --params-billion 8 --layers 32 --kv-heads 8 --head-dim 128';

function refused(args, pattern, options) {
  const result = run(args, options);
  assert.equal(result.signal, null, `${args}: ${result.err}`);
  assert.equal(result.code, 2, `${args}: ${result.out.slice(0, 200)} ${result.err}`);
  assert.match(result.err, pattern, String(args));
  return result;
}

test('numbers that are none, in flags', () => {
  for (const bad of ['nan', 'inf', '-inf', '1e999', '0x10', '1e', '--', 'eight', '1_000', '8,192', ' ', '٣']) {
    refused([...manual.split(' '), '--batch', bad], /--sequences|--batch/);
  }
  for (const bad of ['nan', 'inf', '12GiB', '']) refused([...manual.split(' '), '--total-vram-gib', bad], /--total-vram-gib/);
  for (const bad of ['8kk', 'k', '0.0001k', '8.5']) refused([...manual.split(' '), '--context', bad], /--context/);
  refused([...manual.split(' '), '--context-k', '0.0001'], /--context-k/);
});

test('numbers out of range name their flag', () => {
  for (const [flag, bad] of [
    ['--batch', '-1'], ['--batch', '0'], ['--context', '-5'], ['--context', '99999999999999999999999'], ['--layers', '0'], ['--layers', '1e18'],
    ['--kv-heads', '-8'], ['--head-dim', '1.5'], ['--total-vram-gib', '-4'], ['--total-vram-gib', '1e300'], ['--vision-tower-gib', '-1'], ['--fragmentation', '0.5'],
  ]) {
    const line = manual.split(' ').filter((word, i, all) => word !== flag && all[i - 1] !== flag);
    refused([...line, flag, bad], new RegExp(flag === '--batch' ? '--sequences' : flag));
  }
});

test('unknown names get a suggestion', () => {
  if (!noModels) refused('estimate --model llama-3.1-8c --gpu rtx-4090', /--model[\s\S]*llama-3\.1-8b/);
  refused(`${manual} --gpu rtx-409`, /--gpu[\s\S]*rtx-4090/);
  refused(`${manual} --weights q4_k_n`, /--weights[\s\S]*q4_k_m/);
  refused(`${manual} --engine lama.cpp`, /--engine[\s\S]*llama\.cpp/);
  refused(`${manual} --set n_ubach=5`, /--set[\s\S]*n_ubatch/);
  refused(`${manual} --profile ada_16`, /--profile[\s\S]*ada_16gb/);
  refused(`${manual} --wieghts q4_k_m`, /did you mean --weights/);
  refused('estimat', /did you mean estimate/);
  refused(`${manual} --kv-dtype q8_0:q9`, /--kv-dtype/);
});

test('too little, too much, twice', () => {
  refused('estimate', /--model: no model named/);
  refused('estimate --params-billion 8', /--layers/);
  refused('estimate --model a --config b', /two models at once/);
  refused('estimate --model llama-3.1-8b --layers 3', /--layers: two models at once/);
  refused(`${manual} --context 8 --context-k 8`, /--context/);
  refused(`${manual} --gpu rtx-4090 --total-vram-gib 24`, /--total-vram-gib/);
  refused(`${manual} --gpus 2`, /--gpus/);
  refused(`${manual} --gpu auto`, /--gpu: no GPU found/);
  refused(`${manual} --n-ubatch 512 -tp 2`, /one of|beside/);
  refused(`${manual} --set n_ubatch=1 --set n_ubatch=2`, /given twice/);
  refused(`${manual} --set n_ubatch`, /name=value/);
  refused(`${manual} extra`, /unknown argument/);
  refused(manual.replace('estimate', 'max-context'), /--gpu/);
});

test('files: missing, a folder, garbage, too long, not JSON, deep', () => {
  refused('estimate --config /no/such/file', /--config: cannot open/);
  mkdirSync(join(folder, 'empty'));
  refused(['estimate', '--config', join(folder, 'empty')], /without a config\.json/);
  refused(['estimate', '--config', file('garbage', Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 197) % 256)))], /not JSON/);
  refused(['estimate', '--config', file('model.gguf', 'GGUF\x03\0\0\0')], /GGUF/);
  refused(['estimate', '--config', file('big', Buffer.alloc(9 << 20, ' '))], /longer than 8 MiB/);
  refused('estimate --config /dev/zero', /longer than 8 MiB/);
  refused(['estimate', '--config', file('cut', '{"model_type": "llama"')], /not JSON/);
  refused(['estimate', '--config', file('huge', '{"a": 1e999}')], /out of range|not JSON/);
  refused(['estimate', '--config', file('deep', '['.repeat(200000) + ']'.repeat(200000))], /--config|deep|nest/);
  refused(['estimate', '--config', file('list', '[]')], /--config/);
  refused(['estimate', '--config', file('nothing', '')], /not JSON/);
  refused(['estimate', '--config', file('wrong', '{"model_type": "llama", "num_hidden_layers": "many"}')], /--config/);
  refused([...manual.split(' '), '--profiles', file('rows', '{"id": 1}')], /--profiles/);
  refused('estimate --config -', /not JSON/);
});

test('bytes that are no UTF-8, and control characters, stay off the terminal', () => {
  const bytes = spawnSync('/bin/sh', ['-c', `'${tool}' estimate --model "$(printf 'llama\\377')"`], { encoding: 'buffer' });
  assert.equal(bytes.status, 2);
  assert.equal(Buffer.from(bytes.stderr.toString('utf8'), 'utf8').compare(bytes.stderr), 0, 'valid UTF-8');
  const result = refused([...manual.split(' '), '--gpu', 'rtx\x1b[31m-4090'], /--gpu/);
  assert.doesNotMatch(result.err, /\x1b/);
});

test('with --json the error is JSON on stdout too', () => {
  const result = run(`${manual} --gpu nothing --json`);
  assert.equal(result.code, 2);
  assert.equal(JSON.parse(result.out).error.path, '/gpu/id');
});

test('a full disk is told', { skip: !existsSync('/dev/full') }, () => {
  const full = openSync('/dev/full', 'w');
  const result = spawnSync(tool, ['version'], { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
  assert.equal(result.status, 2);
  assert.match(result.stderr, /standard output/);
});
