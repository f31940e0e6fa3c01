// One request, one answer: every case of tests/cases through the command line tool and through the npm package, and the
// bytes compared. What the answers must be is checked in C++ (tests/core/cases_test.cpp).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { call, load } from '../../build/wasm/dist/node.js';
import * as language from '../../build/wasm/dist/node_language.js';
import { cli, root } from './paths.mjs';

const cases = readdirSync(`${root}tests/cases`).filter((name) => name.endsWith('.json')).sort().flatMap((name) =>
  JSON.parse(readFileSync(`${root}tests/cases/${name}`, 'utf8')).map((one) => ({
    name: `${name}: ${one.name}`,
    text: one.request_text ?? JSON.stringify(one.request),
  })));
// `batch` reads one request a line, so a text with a line break has no single answer there; in wasm it does.
const oneLine = cases.filter(({ text }) => text.trim() !== '' && !/[\r\n]/.test(text));

before(() => Promise.all([load(), language.load()]));

test('there are cases', () => assert.ok(oneLine.length >= 60, `${oneLine.length} cases`));

test(`${cases.length} cases answered by the package`, () => {
  for (const { name, text } of cases) assert.equal(typeof JSON.parse(call(text)).ok, 'boolean', name);
});

test(`${oneLine.length} of ${cases.length} cases, those of one line: command line tool and package give the same bytes`, () => {
  const run = spawnSync(cli, ['batch'], {
    input: oneLine.map(({ text }) => `${text}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  assert.equal(run.error, undefined);
  const answers = run.stdout.split('\n').slice(0, -1);
  assert.equal(answers.length, oneLine.length, run.stderr);
  const differences = oneLine.flatMap(({ name, text }, index) => {
    const answer = call(text);
    if (answer === answers[index]) return [];
    let at = 0;
    while (answer[at] === answers[index][at]) ++at;
    const around = (answered) => answered.slice(Math.max(0, at - 60), at + 60);
    return [`${name}\n  package: ...${around(answer)}\n  tool:    ...${around(answers[index])}`];
  });
  assert.equal(differences.length, 0, `\n${differences.join('\n')}`);
});

const ours = new Set(['estimate', 'max_context', 'max_batch', 'sweep', 'reference', 'profiles', 'version']);

test('the part for language models gives the same bytes, or nothing where it is not its business', () => {
  let same = 0;
  for (const { name, text } of cases) {
    const answer = language.call(text);
    if (answer !== undefined) assert.equal(answer, call(text), name);
    else {
      const { op, list = ['pipelines'] } = JSON.parse(text);
      assert.ok(!ours.has(op) || /"(file|vllm|transformers|sglang|tensorrt-llm|mlx|exllamav[23])"/.test(text), name);
      if (op === 'catalogue') assert.ok([list].flat().some((one) => !['models', 'gpus', 'weights', 'kv_cache_types', 'engines'].includes(one)), name);
    }
    same += answer !== undefined;
  }
  assert.ok(same > cases.length / 3, `${same} of ${cases.length}`);
});

describe('the package', () => {
  test('objects and text are the same door', () => {
    const request = { op: 'version' };
    assert.deepEqual(call(request), JSON.parse(call(JSON.stringify(request))));
  });
});
