// GPUs of the machine, played by programs on PATH that print what nvidia-smi, rocm-smi and sysctl print.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeProgram, run } from './tool.mjs';

const model = 'estimate --params-billion 1 --layers 8 --kv-heads 2 --head-dim 64';
const nvidia = (...lines) => fakeProgram('nvidia-smi', lines.map((line) => `echo '${line}'`).join('\n'));
const gpuOf = (env) => JSON.parse(run(`${model} --request`, { env }).out).gpu;

test('nvidia-smi: the card, with the memory that its driver reports', () => {
  const env = nvidia('NVIDIA GeForce RTX 4090, 24564, 1234, 0x268410DE');
  const gpu = gpuOf(env);
  assert.equal(gpu.count, 1);
  assert.equal(gpu.row.id, 'rtx-4090');
  assert.equal(gpu.row.memory_mib, 24564);
  const { code, out, err } = run(model, { env });
  assert.equal(code, 0);
  assert.match(err, /found 1x NVIDIA GeForce RTX 4090 \(1,234 of 24,564 MiB in use now\)/);
  assert.match(out, /Fits/);
});

test('the query asks for what is parsed', () => {
  const env = fakeProgram('nvidia-smi', `
    case "$*" in
      *--query-gpu=name,memory.total,memory.used*--format=csv,noheader,nounits*) echo "Tesla T4, 15360, 2" ;;
      *) exit 9 ;;
    esac`);
  assert.equal(gpuOf(env).row.memory_mib, 15360);
});

test('names as drivers write them find their rows', () => {
  for (const [line, id] of [
    ['NVIDIA GeForce RTX 4060 Ti, 16380, 0, 0x280510DE', 'rtx-4060-ti-16gb'],
    ['NVIDIA GeForce RTX 4060 Ti, 8188, 0, 0x280310DE', 'rtx-4060-ti-8gb'],
    ['NVIDIA GeForce RTX 4060 Laptop GPU, 8188, 0, 0x28A010DE', 'rtx-4060-laptop'],
    ['NVIDIA GeForce RTX 3080, 10240, 0', 'rtx-3080-10gb'],
    ['NVIDIA A100-SXM4-80GB, 81920, 0, 0x20B210DE', 'a100-80gb-sxm'],
    ['NVIDIA A100-SXM4-40GB, 40960, 0, 0x20B010DE', 'a100-40gb-sxm'],
    ['NVIDIA H100 80GB HBM3, 81559, 0, 0x233010DE', 'h100-sxm'],
    ['NVIDIA H200, 143771, 0, 0x233510DE', 'h200-sxm'],
    ['Tesla T4, 15360, 0', 'tesla-t4'],
    ['NVIDIA A100-SXM4-80GB, 81920, 0', 'a100-80gb-sxm'],
    ['NVIDIA A100 80GB PCIe, 81920, 0', 'a100-80gb-pcie'],
    ['NVIDIA H100 PCIe, 81559, 0', 'h100-pcie'],
    ['NVIDIA H100 NVL, 95830, 0', 'h100-nvl'],
    ['NVIDIA L40S, 46068, 0', 'l40s'],
    ['NVIDIA L4, 23034, 0, 0x27B810DE', 'l4'],
    ['NVIDIA RTX 6000 Ada Generation, 49140, 0, 0x26B110DE', 'rtx-6000-ada'],
  ]) {
    assert.equal(gpuOf(nvidia(line)).row.id, id, line);
  }
});

test('a card that the catalogue does not know still counts with its memory', () => {
  const gpu = gpuOf(nvidia('NVIDIA Something 9999, 12345, 0, 0xFFFF10DE'));
  assert.equal(gpu.row.memory_mib, 12345);
  assert.equal(run(model, { env: nvidia('NVIDIA Something 9999, 12345, 0') }).code, 0);
});

test('several: equal cards together, the larger group of unequal ones', () => {
  const four = nvidia(...Array(4).fill('NVIDIA L4, 23034, 0, 0x27B810DE'));
  assert.equal(gpuOf(four).count, 4);
  assert.equal(JSON.parse(run(`${model} --gpus 2 --request`, { env: four }).out).gpu.count, 2);
  const mixed = nvidia('NVIDIA GeForce GTX 1060 6GB, 6144, 0', 'NVIDIA GeForce RTX 4090, 24564, 0, 0x268410DE');
  assert.equal(gpuOf(mixed).row.id, 'rtx-4090');
  assert.match(run(model, { env: mixed }).err, /left out 1x NVIDIA GeForce GTX 1060/);
});

test('--gpu, --gpu none and --total-vram-gib look for nothing', () => {
  const env = nvidia('NVIDIA L4, 23034, 0');
  for (const [flags, expected] of [['--gpu rtx-4090', { id: 'rtx-4090' }], ['--gpu none', undefined], ['--total-vram-gib 7', { memory_gib: 7 }]]) {
    const result = run(`${model} ${flags} --request`, { env });
    assert.deepEqual(JSON.parse(result.out).gpu, expected);
    assert.equal(result.err, '');
  }
});

test('rocm-smi: warnings first, either spelling, bytes', () => {
  const card = { 'VRAM Total Memory (B)': '21458059264', 'VRAM Total Used Memory (B)': '27856896', 'Card Series': 'Radeon RX 7900 XT', 'Card Model': '0x744c' };
  const env = fakeProgram('rocm-smi', `echo 'WARNING: AMD GPU device(s) is/are in a low-power state.'\ncat <<'X'\n${JSON.stringify({ card0: card, system: { 'Driver version': '6.1' } })}\nX`);
  env.PATH += ':/bin:/usr/bin';
  const gpu = gpuOf(env);
  assert.equal(gpu.row.id, 'rx-7900-xt');
  assert.equal(gpu.row.memory_mib, Math.floor(21458059264 / 2 ** 20));
  const old = { ...card, 'Card series': 'Navi 21 [Radeon RX 6800/6800 XT / 6900 XT]', 'Card Model': '0x73bf', 'VRAM Total Memory (B)': '17163091968' };
  delete old['Card Series'];
  const navi = fakeProgram('rocm-smi', `echo '${JSON.stringify({ card0: old })}'`);
  assert.match(gpuOf(navi).row.id, /^rx-6[89]00/);
});

test('macOS: the chip and the memory of the machine', () => {
  const env = fakeProgram('sysctl', `echo 'Apple M3 Max'\necho ${64 * 2 ** 30}`);
  const { row } = gpuOf(env);
  assert.equal(row.id, 'apple-m3-max-64gb');
  assert.ok(row.memory_mib < 64 * 1024, 'a share of it');
});

test('programs that fail, print rubbish, never end or flood are as good as none', () => {
  for (const script of ['exit 1', 'echo "NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver."; exit 9', 'echo "No devices were found"',
    'head -c 100000 /dev/urandom', 'exec 1>&-', ': > /dev/null']) {
    const env = fakeProgram('nvidia-smi', script);
    env.PATH += ':/usr/bin:/bin';
    const result = run(`${model} --request`, { env: { PATH: env.PATH.replace(':/usr/bin:/bin', '') } });
    assert.equal(result.code, 0, script);
    assert.equal(JSON.parse(result.out).gpu, undefined, script);
  }
  const flood = fakeProgram('nvidia-smi', 'while :; do echo "NVIDIA L4, 23034, 0"; done');
  assert.equal(JSON.parse(run(`${model} --request`, { env: flood }).out).gpu, undefined);
  const start = Date.now();
  const hang = fakeProgram('nvidia-smi', 'while :; do :; done');
  assert.equal(JSON.parse(run(`${model} --request`, { env: hang }).out).gpu, undefined);
  assert.ok(Date.now() - start < 15000);
});

test('gpus --detect lists them; a name cannot steer the terminal', () => {
  const { out } = run('gpus --detect', { env: nvidia('NVIDIA L4, 23034, 11, 0x27B810DE') });
  assert.match(out, /NVIDIA L4 +23,034 MiB +11 MiB +l4/);
  const evil = run('gpus --detect', { env: fakeProgram('nvidia-smi', String.raw`printf 'evil\033[31m card, 1000, 0\n'`) });
  assert.doesNotMatch(evil.out, /\x1b/);
  assert.match(run('gpus --detect').out, /No GPU found/);
});
