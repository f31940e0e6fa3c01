// Seeds for the fuzzers: small files of every format and every request of tests/cases. `node seeds.mjs FOLDER`
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gguf, llama, onnx, safetensors, zip } from '../files/make.mjs';

const folder = process.argv[2];
const put = (target, name, bytes) => {
  mkdirSync(`${folder}/${target}`, { recursive: true });
  writeFileSync(`${folder}/${target}/${name}`, bytes);
};
const padded = ({ header, bytes }) => Buffer.concat([header, Buffer.alloc(Math.min(bytes - header.length, 1 << 20))]);

const tiny = llama({ layers: 1, hidden: 32, heads: 2, kv: 1, ffn: 32, vocab: 8 });
for (const version of [1, 2, 3]) {
  for (const bigEndian of [false, true]) put('gguf_fuzz', `v${version}${bigEndian ? 'be' : 'le'}`, padded(gguf({ version, bigEndian, ...tiny })));
}
put('gguf_fuzz', 'texts', padded(gguf({ metadata: [['tokenizer.ggml.tokens', 'array:text', ['a', 'b', '']], ['x.f', 'f64', 0.5]] })));
put('safetensors_fuzz', 'tiny', padded(safetensors([['model.layers.0.mlp.down_proj.weight', 'BF16', [8, 4]], ['lm_head.weight', 'F32', [4, 4]]], { format: 'pt' })));
const archive = zip([['archive/data.pkl', Buffer.from('x')], ['archive/data/0', Buffer.alloc(64)]]);
const bytes = Buffer.alloc(archive.bytes);
for (const [offset, data] of archive.parts) bytes.set(data, offset);
put('pytorch_fuzz', 'tiny', bytes);
put('onnx_fuzz', 'tiny', onnx([['w', 1, [2, 2], 16], ['e', 10, [4], 0]]));

const cases = new URL('../cases/', import.meta.url);
for (const file of readdirSync(fileURLToPath(cases))) {
  const list = JSON.parse(readFileSync(new URL(file, cases)));
  (Array.isArray(list) ? list : list.cases ?? []).forEach((row, index) => {
    if (!row.request) return;
    const text = typeof row.request === 'string' ? row.request : JSON.stringify(row.request);
    if (text.length < 20000) put('call_fuzz', `${file}-${index}`, text);
    const config = row.request.model?.config;
    if (config) put('config_fuzz', `${file}-${index}`, JSON.stringify(config));
  });
}
put('config_fuzz', 'llama', JSON.stringify({ model_type: 'llama', hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 128, vocab_size: 100 }));
