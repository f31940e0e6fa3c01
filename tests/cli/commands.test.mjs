// Every command on well-formed input: what it prints, its exit code, and that --json and batch give the same bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { file, folder, json, noModels, run } from './tool.mjs';

const config = JSON.stringify({
  architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: 2048, intermediate_size: 8192,
  num_hidden_layers: 16, num_attention_heads: 32, num_key_value_heads: 8, head_dim: 64, vocab_size: 128256,
  max_position_embeddings: 131072, tie_word_embeddings: true, torch_dtype: 'bfloat16',
}, null, 2);
const path = file('config.json', config);
const base = `--config ${path} --weights q8_0 --total-vram-gib`;

test('exit codes: 0 fits, 1 does not, 0 without a GPU', () => {
  assert.equal(run(`estimate ${base} 16`).code, 0);
  const small = run(`estimate ${base} 0.5`);
  assert.equal(small.code, 1);
  assert.match(small.out, /Does not fit: .* [GM]iB too much/);
  assert.equal(run(`estimate ${base} 0.5 --json`).code, 1);
  assert.equal(run(`estimate --config ${path}`).code, 0);
  assert.equal(run(`max-context ${base} 0.1`).code, 1);
});

test('--json prints the bytes that batch prints for the request of --request', () => {
  for (const line of [
    `estimate ${base} 16 --context 8k --batch 3 --explain`, `max-context ${base} 8 --kv-dtype q8_0:q4_0`, `max-batch ${base} 8 --context 1024`,
    `estimate ${base} 16 --also max_context,advice --also references --no-flash-attn -ngl 10 -ub 256 --swa-full`,
    `estimate --params-billion 1.5 --layers 10 --kv-heads 2 --head-dim 64 --gpu none`,
  ]) {
    const request = run(`${line} --request`);
    assert.equal(request.code, 0, request.err);
    assert.equal(request.out.split('\n').length, 2, 'one line');
    const direct = run(`${line} --json`);
    const batch = run('batch', { input: request.out });
    assert.ok(direct.out.startsWith('{"ok":true'), direct.out.slice(0, 300));
    assert.equal(batch.out, direct.out);
  }
});

test('the text shows what the JSON holds', () => {
  const { response } = json(`estimate ${base} 16 --json`);
  const { out } = run(`estimate ${base} 16 --explain`);
  for (const entry of response.ledger.entries) {
    assert.ok(out.includes(entry.label), entry.label);
    assert.ok(out.includes(`${entry.bytes.expected.toLocaleString('en-US')} bytes`), entry.label);
  }
  assert.ok(out.includes(`${(response.ledger.peaks[0].bytes.expected / 2 ** 30).toFixed(2)} GiB`));
  assert.match(out, /formula /);
  assert.match(out, /source /);
  const decimal = run(`estimate ${base} 16 --gb`).out;
  assert.ok(decimal.includes(`${(response.ledger.peaks[0].bytes.expected / 1e9).toFixed(2)} GB`));
  assert.doesNotMatch(decimal, /GiB/);
});

test('tables align, also with wide characters in a name', () => {
  for (const args of ['gpus', 'models', 'profiles', 'formats']) {
    const { code, out } = run(args);
    assert.equal(code, 0);
    assert.doesNotMatch(out, /[ \t]$/m, `${args}: no blanks at line ends`);
  }
  const ids = run('gpus').out.split('\n').filter((line) => / GiB /.test(line));
  assert.ok(ids.length > 100);
  assert.equal(new Set(ids.map((line) => line.indexOf(' GiB '))).size, 1, 'the memory column is right-aligned');
});

test('--filter needs all words, whatever the case', () => {
  const { out } = run(['gpus', '--filter', 'ADA laptop']);
  const rows = out.trim().split('\n').slice(2);
  assert.ok(rows.length >= 3);
  for (const row of rows) assert.match(row.toLowerCase(), /ada.*laptop/);
  assert.match(run(['gpus', '--filter', 'no such thing']).out, /Nothing matches/);
});

test('models by name', { skip: noModels }, () => {
  assert.ok(json('models --json').response.models.length > 10);
  assert.match(run(['models', '--filter', 'LLAMA 8b']).out, /^llama-3\.1-8b .*8\.03 B/m);
  assert.equal(json('estimate --model llama-3.1-8b --json').response.model.parameters, 8030261248);
});

test('listings have --json', () => {
  assert.ok(json('gpus --json').response.gpus.length > 100);
  assert.ok(json('profiles --json').response.profiles.length >= 3);
  assert.ok(json('formats --json').response.weights.length > 10);
  assert.equal(json('version --json').response.ok, true);
  assert.match(run('version').out, /llama\.cpp/);
});

test('reference: the formula of the Stable Diffusion document as stated', () => {
  const { response } = json('reference sd15-analytic height=512 width=512 prompt_length=77 optimization=true --json');
  assert.equal(response.result.predicted_vram_gb, 2.53);
  assert.match(run('reference sd15-analytic').out, /predicted_vram_gb +2\.53/);
  assert.equal(run('reference sd15-analytic height=513').code, 2);
});

test('engine options: named ones choose the engine, --set takes the rest', () => {
  const request = (line) => JSON.parse(run(`estimate --config ${path} ${line} --request`).out);
  assert.deepEqual(request('--tensor-parallel-size 2').engine, { name: 'vllm', tensor_parallel_size: 2 });
  assert.deepEqual(request('--vllm-version 0.8.5 -dp 2 --enable-expert-parallel').engine, { name: 'vllm', version: '0.8.5', data_parallel_size: 2, enable_expert_parallel: true });
  assert.deepEqual(request('--mem-fraction-static 0.8').engine, { name: 'sglang', mem_fraction_static: 0.8 });
  assert.deepEqual(request('--engine tensorrt-llm --tensor-parallel-size 2').engine, { name: 'tensorrt-llm', tensor_parallel_size: 2 });
  assert.deepEqual(request('-tp 2 --gpu-memory-utilization 0.85').engine, { name: 'vllm', tensor_parallel_size: 2, gpu_memory_utilization: 0.85 });
  assert.deepEqual(request('--no-flash-attn').engine, { name: 'llama.cpp', flash_attn: false });
  assert.deepEqual(request('--set op_offload=false --set n_outputs_max=64').engine, { name: 'llama.cpp', op_offload: false, n_outputs_max: 64 });
  assert.deepEqual(request('--engine transformers --set attn_implementation=eager').engine, { name: 'transformers', attn_implementation: 'eager' });
  assert.equal(request('--weights gptq:bits=4,group_size=128').weights.group_size, 128);
  assert.equal(request('--context 8k').context, 8192);
  assert.equal(request('--context-k 0.5').context, 512);
  assert.deepEqual(request('--gpu rtx-4090 --gpus 2').gpu, { id: 'rtx-4090', count: 2 });
});

test("the caller's own profiles", () => {
  const rows = json('profiles --json').response.profiles;
  const own = file('profiles.json', JSON.stringify([{ ...rows[0], id: 'mine', name: 'My desktop', display_reserve_mib: 3000 }]));
  const { response } = json(`estimate ${base} 16 --profiles ${own} --profile mine --json`);
  assert.equal(response.profile.name, 'My desktop');
  assert.ok(response.ledger.entries.some((e) => e.kind === 'reserved' && e.bytes.expected === 3000 * 2 ** 20));
});

test('--config - reads standard input; a folder stands for its config.json', () => {
  const direct = run(`estimate --config ${path} --json`).out;
  assert.equal(JSON.parse(direct).model.name, folder.split('/').at(-1), 'named after its folder');
  const unnamed = JSON.parse(direct);
  unnamed.model.name = '';
  for (const input of [config, `\uFEFF${config}`]) {
    assert.deepEqual(json('estimate --config - --json', { input }).response, unnamed);
  }
  assert.equal(run(`estimate --config ${path.replace('/config.json', '')} --json`).out, direct);
});

test('colour and bars only when asked, or on a terminal', () => {
  assert.doesNotMatch(run(`estimate ${base} 16`).out, /\x1b|█/);
  assert.match(run(`estimate ${base} 16 --color always`).out, /\x1b\[32;1mFits/);
  assert.match(run(`estimate ${base} 16 --bars`).out, /█/);
  assert.doesNotMatch(run(`estimate ${base} 16 --color never`).out, /\x1b/);
});

test('every command has a help with exit code 0; no arguments without a terminal: help, exit 2', () => {
  for (const command of ['', 'estimate', 'max-context', 'max-batch', 'models', 'gpus', 'formats', 'profiles', 'reference', 'batch', 'version']) {
    const { code, out } = run(`${command} --help`);
    assert.equal(code, 0);
    assert.match(out, new RegExp(`Usage: vram-estimator ${command}`));
  }
  const none = run('');
  assert.equal(none.code, 2);
  assert.match(none.out, /Start here/);
});

test('check-log: a table, its verdicts, and the bytes of --json', { skip: noModels }, () => {
  const log = file('start.log', [
    'print_info: arch = llama', 'print_info: n_layer = 32', 'print_info: n_embd = 4096', 'print_info: n_head_kv = 8',
    'print_info: n_ff = 14336', 'print_info: n_vocab = 128256', 'print_info: file type = Q4_K - Medium',
    'print_info: general.name = Meta Llama 3.1 8B Instruct', 'load_tensors: offloaded 33/33 layers to GPU',
    'load_tensors: CUDA0 model buffer size = 4403.49 MiB', 'llama_context: n_ctx = 8192', 'llama_context: flash_attn = 1',
    'llama_kv_cache: CUDA0 KV buffer size = 1024.00 MiB', 'llama_context: CUDA0 compute buffer size = 258.50 MiB', ''].join('\n'));
  const shown = run(`check-log ${log}`);
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /weights +CUDA0 .*4\.30 GiB.*exact/);
  const raw = run(`check-log ${log} --json`);
  assert.equal(JSON.parse(raw.out).terms.length, 3);
  const off = run('check-log -', { input: 'print_info: arch = llama\nprint_info: n_layer = 32\nprint_info: n_embd = 4096\n' +
    'print_info: n_vocab = 128256\nprint_info: file type = Q4_K - Medium\nload_tensors: CUDA0 model buffer size = 1.00 MiB\n' });
  assert.equal(off.code, 1);
  assert.match(off.out, /off/);
  assert.equal(run('check-log -', { input: 'nothing\n' }).code, 2);
});
