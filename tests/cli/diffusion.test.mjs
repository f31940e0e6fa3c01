// vram-estimator diffusion.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noModels, run } from './tool.mjs';

const json = (...args) => {
  const { code, out, err } = run(['diffusion', ...args, '--json']);
  assert.notEqual(code, 2, err);
  return { code, ...JSON.parse(out) };
};

test('stages, verdict, what each switch saves, what the levels come to, the weakest measure', { skip: noModels }, () => {
  const { code, out } = run(['diffusion', '--pipeline', 'flux.1-dev', '--memory-gib', '12', '--also', 'savings', '--also', 'levels', '--also', 'weakest']);
  assert.equal(code, 1);
  for (const words of ['text_encoder_2', 'vae_decode', 'Does not fit', 'model_cpu_offload', 'BALANCED', 'Weakest measure that fits', 'RAM']) assert.ok(out.includes(words), words);
});

// What the pipelines of the field's questions need on a card of 12 GiB.
for (const id of ['qwen-image', 'flux.1-dev', 'sdxl-base-1.0', 'sd-1.5', 'wan2.1-t2v-1.3b', 'wan2.1-t2v-14b']) {
  test(`${id} on 12 GiB: the measures that the search names make it fit`, { skip: noModels }, () => {
    const base = ['--pipeline', id, '--memory-gib', '12'];
    const before = json(...base, '--also', 'weakest');
    assert.equal(before.weakest.fits, true);
    assert.equal(before.code, before.weakest.techniques.length ? 1 : 0);
    const switches = before.weakest.techniques.map((name) => name.replace(/^group_offload_/, 'group_offload='));
    const after = json(...base, ...switches.flatMap((name) => ['--technique', name]));
    assert.equal(after.code, 0);
    assert.deepEqual(after.memory.nvidia_smi, before.weakest.nvidia_smi);
  });
}

test('engines and their options become the request', { skip: noModels }, () => {
  const { out } = run(['diffusion', '--pipeline', 'qwen-image', '--engine', 'diffsynth', '--engine-option', 'vram_limit=10', '--engine-option', 'vram_config.offload_device=cpu', '--engine-option', 'vram_config.offload_dtype=bfloat16', '--lora', '2', '--lora-fused', '--companion', 'controlnet=2', '--request']);
  assert.deepEqual(JSON.parse(out), {
    op: 'diffusion',
    pipeline: { id: 'qwen-image' },
    lora: { rank: 16, count: 2, fused: true },
    companions: [{ kind: 'controlnet', count: 2 }],
    engine: { name: 'diffsynth', vram_limit: 10, vram_config: { offload_device: 'cpu', offload_dtype: 'bfloat16' } },
  });
});

test('an option that is both a value and an object, and one that the engine does not have, are errors', { skip: noModels }, () => {
  const both = run(['diffusion', '--pipeline', 'sd-1.5', '--engine', 'diffsynth', '--engine-option', 'vram_config=1', '--engine-option', 'vram_config.offload_device=cpu']);
  assert.equal(both.code, 2);
  assert.match(both.err, /engine-option/);
  const unknown = run(['diffusion', '--pipeline', 'sd-1.5', '--engine', 'comfyui', '--engine-option', 'lowvram=true']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /lowvram/);
});

test('stable-diffusion.cpp: its buffers, and what it does not run', { skip: noModels }, () => {
  const base = ['--pipeline', 'sd-1.5', '--engine', 'stable-diffusion.cpp'];
  const plain = json(...base, '--height', '768', '--width', '512');
  const flash = json(...base, '--height', '768', '--width', '512', '--engine-option', 'diffusion_fa=true');
  const unet = (answer) => answer.stages.find(({ stage }) => stage === 'denoise').activations.expected / 2 ** 20;
  // leejet/stable-diffusion.cpp#736 logs 1218.29 and 1220.07 MB.
  assert.ok(Math.abs(unet(plain) / 1218.29 - 1) < 0.02, `${unet(plain)}`);
  assert.ok(unet(flash) < unet(plain) / 4);
  const other = run(['diffusion', '--pipeline', 'mochi-1-preview', '--engine', 'stable-diffusion.cpp']);
  assert.equal(other.code, 2);
  assert.match(other.err, /not known here/);
});
