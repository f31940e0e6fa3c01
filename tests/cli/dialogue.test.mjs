// The questions on a terminal, played through a pseudo-terminal of util-linux' script(1).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { bareEnvironment, noModels, spawn, tool } from './tool.mjs';

const hasScript = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false;
const skip = hasScript ? noModels : 'script(1) of util-linux is not installed';

// Types each answer when the tool has asked the next question; null ends the input (Ctrl-D).
function converse(answers, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn('script', ['-qec', `'${tool}'`, '/dev/null'], { env: { ...bareEnvironment, PATH: `${bareEnvironment.PATH}:/usr/bin:/bin`, SHELL: '/bin/sh', TERM: 'dumb', ...env } });
    let out = '';
    let answered = 0;
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (data) => {
      out += data;
      const asked = out.match(/\]: /g)?.length ?? 0;
      while (answered < asked && answered < answers.length) {
        const answer = answers[answered++];
        child.stdin.write(answer === null ? '\x04' : `${answer}\r`);
      }
    });
    const watch = setTimeout(() => { child.kill(); reject(new Error(`hangs after:\n${out}`)); }, 30000);
    child.on('exit', (code) => { clearTimeout(watch); resolve({ code, out: out.replaceAll('\r', '') }); });
  });
}

test('Enter takes every default', { skip }, async () => {
  const { code, out } = await converse(['', '', '', '', '', '']);
  assert.equal(code, 0, out);
  for (const part of ['Model Configuration:', 'Precision:', 'FlashAttention:', 'Enabled', 'Memory Breakdown:', 'Peak', 'llm-activation-34/10', 'vram-estimator estimate --model llama-3.1-8b']) {
    assert.ok(out.includes(part), `${part}\n${out}`);
  }
});

test('the answers count, and a GPU is recommended', { skip }, async () => {
  const { out } = await converse(['llama-3.1-8b', 'q4_k_m', 'no', '20', '4k', '2']);
  assert.match(out, /Q4_K_M/);
  assert.match(out, /Disabled/);
  assert.match(out, /20 of 32/);
  assert.match(out, /4,096 tokens/);
  assert.match(out, /Main memory/);
  assert.match(out, /Recommendation: +Use /);
});

test('the precisions of the question, and formats of other engines', { skip }, async () => {
  for (const [precision, name, engine] of [['fp32', 'FP32', 'llama.cpp'], ['int8', 'Q8_0', 'llama.cpp'], ['int4', 'Q4_0', 'llama.cpp'],
    ['awq', 'AWQ', 'vllm'], ['bnb_nf4', 'NF4', 'transformers']]) {
    const { out } = await converse(['', precision, '', '', '', '']);
    assert.match(out, new RegExp(`Precision: .*${name}`), precision);
    assert.match(out, new RegExp(`--engine ${engine.replace('.', '[.]')}`), precision);
  }
});

test('bad answers are asked again, with a reason', { skip }, async () => {
  const { code, out } = await converse(['lama-3.1-8b', 'llama-3.1-8b', 'fp17', 'fp16', 'maybe', 'y', '99', '-1', '32', 'long', '0', '2048', 'x', '1']);
  assert.equal(code, 0, out);
  for (const reason of ['did you mean llama-3.1-8b', 'neither yes nor no', 'not a number of layers', 'not a number of tokens', 'not a number']) {
    assert.ok(out.includes(reason), `${reason}\n${out}`);
  }
});

test('the end of the input ends politely', { skip }, async () => {
  const { code, out } = await converse(['', null]);
  assert.equal(code, 0);
  assert.match(out, /Bye/);
});
