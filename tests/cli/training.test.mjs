// vram-estimator training.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noModels, run } from './tool.mjs';

const base = ['training', '--model', 'llama-3.1-8b', '--no-bars'];

test('a fine-tune in words: ledger, verdict, what fits, what one change saves', { skip: noModels }, () => {
  const { code: status, out: stdout } = run([...base, '--method', 'qlora', '--gradient-checkpointing', '--gpu', 'rtx-4090']);
  assert.equal(status, 0);
  for (const words of ['qlora, adamw', '41,943,040 of them trained', 'Gradients', 'Optimizer state', 'Peak (train_step)', 'Largest micro-batch', 'What one change would save']) {
    assert.ok(stdout.includes(words), words);
  }
});

test('does not fit: exit code 1, and the techniques that help', { skip: noModels }, () => {
  const { code: status, out: stdout } = run([...base, '--method', 'full', '--gpu', 'rtx-4090']);
  assert.equal(status, 1);
  assert.match(stdout, /Does not fit/);
  assert.match(stdout, /qlora/);
});

test('flags become the request', { skip: noModels }, () => {
  const { out: stdout } = run([...base, '--lora-rank', '8', '--target-modules', 'q_proj,v_proj', '--seq', '4k', '--optim', 'adamw_8bit', '--dora', '--gpu', 'none', '--request']);
  assert.deepEqual(JSON.parse(stdout), {
    op: 'training', model: { id: 'llama-3.1-8b' }, lora_rank: 8, target_modules: ['q_proj', 'v_proj'], use_dora: true, optimizer: 'adamw_8bit', sequence_length: 4096,
  });
});

test('JSON as the border gives it; a wrong value names its path and ends with 2', { skip: noModels }, () => {
  const { code: status, out: stdout } = run([...base, '--gpu', 'none', '--json']);
  assert.equal(status, 0);
  assert.equal(JSON.parse(stdout).op, 'training');
  const wrong = run([...base, '--optimizer', 'adamm', '--gpu', 'none']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /optimizer/);
});
