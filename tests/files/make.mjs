// Weight files of any size, made for tests: headers as real tools write them, and as much of the data as is asked for.
// GGUF: ggml-org/ggml docs/gguf.md. safetensors: huggingface/safetensors README. PyTorch zip: APPNOTE.TXT 4.3 and 4.5.
// ONNX: onnx/onnx.proto.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const encoder = new TextEncoder();

// A growing buffer of numbers in either byte order.
class Bytes {
  constructor(bigEndian = false, size = 4096) {
    this.little = !bigEndian;
    this.buffer = Buffer.alloc(size);
    this.at = 0;
  }
  room(n) {
    while (this.at + n > this.buffer.length) this.buffer = Buffer.concat([this.buffer, Buffer.alloc(this.buffer.length)]);
    this.at += n;
    return this.at - n;
  }
  view() {
    return new DataView(this.buffer.buffer, this.buffer.byteOffset, this.buffer.length);
  }
  put(method, size, value) {
    const at = this.room(size);
    this.view()[method](at, value, this.little);
    return this;
  }
  u8(v) { return this.put('setUint8', 1, v); }
  i8(v) { return this.put('setInt8', 1, v); }
  u16(v) { return this.put('setUint16', 2, v); }
  i16(v) { return this.put('setInt16', 2, v); }
  u32(v) { return this.put('setUint32', 4, v); }
  i32(v) { return this.put('setInt32', 4, v); }
  f32(v) { return this.put('setFloat32', 4, v); }
  f64(v) { return this.put('setFloat64', 8, v); }
  u64(v) { return this.put('setBigUint64', 8, BigInt.asUintN(64, BigInt(v))); }
  i64(v) { return this.put('setBigInt64', 8, BigInt(v)); }
  raw(bytes) {
    const at = this.room(bytes.length);
    this.buffer.set(bytes, at);
    return this;
  }
  done() { return this.buffer.subarray(0, this.at); }
}

// Type name -> [number in a file, elements of a block, bytes of a block].
export const GGML = {
  f32: [0, 1, 4], f16: [1, 1, 2], q4_0: [2, 32, 18], q4_1: [3, 32, 20], q5_0: [6, 32, 22], q5_1: [7, 32, 24],
  q8_0: [8, 32, 34], q8_1: [9, 32, 36], q2_k: [10, 256, 84], q3_k: [11, 256, 110], q4_k: [12, 256, 144],
  q5_k: [13, 256, 176], q6_k: [14, 256, 210], q8_k: [15, 256, 292], iq2_xxs: [16, 256, 66], iq2_xs: [17, 256, 74],
  iq3_xxs: [18, 256, 98], iq1_s: [19, 256, 50], iq4_nl: [20, 32, 18], iq3_s: [21, 256, 110], iq2_s: [22, 256, 82],
  iq4_xs: [23, 256, 136], int8: [24, 1, 1], int16: [25, 1, 2], int32: [26, 1, 4], int64: [27, 1, 8], f64: [28, 1, 8],
  iq1_m: [29, 256, 56], bf16: [30, 1, 2], tq1_0: [34, 256, 54], tq2_0: [35, 256, 66], mxfp4: [39, 32, 17],
  nvfp4: [40, 64, 36], q1_0: [41, 128, 18], q2_0: [42, 64, 18],
};

const KIND = { u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, text: 8, array: 9, u64: 10, i64: 11, f64: 12 };

/**
 * A GGUF header. `metadata`: [[key, kind, value]], kind of KIND, or 'array:<kind>'; `tensors`: [[name, shape, type]].
 * Returns {header, bytes}: the header, padded to the alignment, and the size of the whole file.
 */
export function gguf({ version = 3, bigEndian = false, metadata = [], tensors = [], alignment = 32 }) {
  const out = new Bytes(bigEndian, 1 << 20);
  const size = v => (version === 1 ? out.u32(v) : out.u64(v));
  const text = v => {
    const bytes = typeof v === 'string' ? encoder.encode(v) : v;
    size(bytes.length);
    out.raw(bytes);
  };
  const value = (kind, v) => {
    if (kind === 'text') return text(v);
    if (kind === 'bool') return out.u8(v ? 1 : 0);
    return out[kind](v);
  };
  out.raw(encoder.encode('GGUF')).u32(version);
  size(tensors.length);
  size(metadata.length);
  for (const [key, kind, v] of metadata) {
    text(key);
    if (kind.startsWith('array:')) {
      const inner = kind.slice(6);
      out.u32(KIND.array).u32(KIND[inner]);
      size(v.length);
      for (const item of v) value(inner, item);
    } else {
      out.u32(KIND[kind]);
      value(kind, v);
    }
  }
  const up = n => Math.ceil(n / alignment) * alignment;
  let offset = 0;
  for (const [name, shape, type, at] of tensors) {
    const [number, elements, bytes] = GGML[type] ?? [type, 1, 1];
    text(name);
    out.u32(shape.length);
    for (const n of shape) size(n);
    out.u32(number).u64(at ?? offset);
    offset += up(shape.reduce((a, b) => a * b, 1) / elements * bytes);
  }
  while (out.at % alignment) out.u8(0);
  const header = out.done();
  return { header, bytes: header.length + offset };
}

const DTYPE_BITS = { F64: 64, F32: 32, F16: 16, BF16: 16, I64: 64, I32: 32, I16: 16, I8: 8, U8: 8, BOOL: 8, F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, F4: 4 };

/** A safetensors header. `tensors`: [[name, dtype, shape]]. */
export function safetensors(tensors, metadata) {
  const json = {};
  if (metadata) json.__metadata__ = metadata;
  let offset = 0;
  for (const [name, dtype, shape] of tensors) {
    const bytes = Math.ceil(shape.reduce((a, b) => a * b, 1) * DTYPE_BITS[dtype] / 8);
    json[name] = { dtype, shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  let text = JSON.stringify(json);
  text += ' '.repeat((8 - text.length % 8) % 8);
  const header = new Bytes().u64(text.length).raw(encoder.encode(text)).done();
  return { header, bytes: header.length + offset };
}

/** A zip with stored entries: [[name, bytes or {size}]]; `zip64` writes 64-bit fields throughout. Returns {parts, bytes}: parts are [offset, Buffer]. */
export function zip(entries, { zip64 = false, method = 0, packed = null } = {}) {
  const parts = [];
  let at = 0;
  const central = new Bytes();
  for (const [name, content] of entries) {
    const raw = Buffer.from(name);
    const size = content.size ?? content.length;
    const stored = packed ?? size;
    const local = new Bytes();
    local.u32(0x04034b50).u16(zip64 ? 45 : 20).u16(0).u16(method).u16(0).u16(0).u32(0);
    local.u32(zip64 ? 0xffffffff : stored).u32(zip64 ? 0xffffffff : size).u16(raw.length).u16(zip64 ? 20 : 0).raw(raw);
    if (zip64) local.u16(1).u16(16).u64(size).u64(stored);
    central.u32(0x02014b50).u16(45).u16(zip64 ? 45 : 20).u16(0).u16(method).u16(0).u16(0).u32(0);
    central.u32(zip64 ? 0xffffffff : stored).u32(zip64 ? 0xffffffff : size).u16(raw.length).u16(zip64 ? 28 : 0).u16(0).u16(0).u16(0).u32(0);
    central.u32(zip64 ? 0xffffffff : at).raw(raw);
    if (zip64) central.u16(1).u16(24).u64(size).u64(stored).u64(at);
    parts.push([at, local.done()]);
    if (!content.size && content.length) parts.push([at + local.at, content]);
    at += local.at + stored;
  }
  const start = at;
  const end = new Bytes();
  if (zip64) {
    end.u32(0x06064b50).u64(44).u16(45).u16(45).u32(0).u32(0).u64(entries.length).u64(entries.length).u64(central.at).u64(start);
    end.u32(0x07064b50).u32(0).u64(start + central.at).u32(1);
  }
  const few = zip64 ? 0xffff : entries.length;
  end.u32(0x06054b50).u16(0).u16(0).u16(few).u16(few).u32(zip64 ? 0xffffffff : central.at).u32(zip64 ? 0xffffffff : start).u16(0);
  parts.push([start, central.done()], [start + central.at, end.done()]);
  return { parts, bytes: start + central.at + end.at };
}

// Protocol buffers: just enough of them for an ONNX model.
const varint = n => {
  const bytes = [];
  let v = BigInt(n);
  do {
    bytes.push(Number(v & 127n) | (v > 127n ? 128 : 0));
    v >>= 7n;
  } while (v > 0n);
  return Buffer.from(bytes);
};
const field = (number, bytes) => Buffer.concat([varint(number << 3 | 2), varint(bytes.length), bytes]);
const whole = (number, v) => Buffer.concat([varint(number << 3), varint(v)]);

/** An ONNX model: [[name, data_type, dims, bytes of raw_data, or 0 for external data]]. */
export function onnx(initializers) {
  const graph = initializers.map(([name, type, dims, raw]) => field(5, Buffer.concat([
    ...dims.map(d => whole(1, d)), whole(2, type), field(8, Buffer.from(name)),
    raw > 0 ? field(9, Buffer.alloc(raw)) : Buffer.concat([
      field(13, Buffer.concat([field(1, Buffer.from('location')), field(2, Buffer.from('model.onnx_data'))])), whole(14, 1)]),
  ])));
  return Buffer.concat([whole(1, 9), field(2, Buffer.from('test')), field(7, Buffer.concat([field(2, Buffer.from('main')), ...graph]))]);
}

/** Writes a file whose data is a hole: no disk is taken for it. `parts`: [[offset, bytes]]. */
export function writeSparse(path, parts, bytes) {
  const file = openSync(path, 'w');
  try {
    for (const [offset, data] of parts) writeSync(file, data, 0, data.length, offset);
    ftruncateSync(file, bytes);
  } finally {
    closeSync(file);
  }
}

/** Metadata and tensors of a Llama of this shape, types by role: {attn_q: 'q4_k', ...}, '*' for the rest. */
export function llama({ layers = 2, hidden = 64, heads = 4, kv = 2, ffn = 128, vocab = 100, context = 4096, types = {}, tied = false, name = 'tiny', fileType = 1 }) {
  const type = role => types[role] ?? types['*'] ?? 'f16';
  const head = hidden / heads;
  const metadata = [
    ['general.architecture', 'text', 'llama'], ['general.name', 'text', name], ['general.file_type', 'u32', fileType],
    ['llama.block_count', 'u32', layers], ['llama.context_length', 'u32', context], ['llama.embedding_length', 'u32', hidden],
    ['llama.feed_forward_length', 'u32', ffn], ['llama.attention.head_count', 'u32', heads],
    ['llama.attention.head_count_kv', 'u32', kv], ['llama.rope.dimension_count', 'u32', head],
    ['llama.attention.layer_norm_rms_epsilon', 'f32', 1e-5],
  ];
  const tensors = [['token_embd.weight', [hidden, vocab], type('token_embd')]];
  for (let i = 0; i < layers; i++) {
    for (const [role, shape] of [
      ['attn_norm', [hidden]], ['attn_q', [hidden, hidden]], ['attn_k', [hidden, kv * head]], ['attn_v', [hidden, kv * head]],
      ['attn_output', [hidden, hidden]], ['ffn_norm', [hidden]], ['ffn_gate', [hidden, ffn]], ['ffn_up', [hidden, ffn]],
      ['ffn_down', [ffn, hidden]]]) {
      tensors.push([`blk.${i}.${role}.weight`, shape, shape.length === 1 ? 'f32' : type(role)]);
    }
  }
  tensors.push(['output_norm.weight', [hidden], 'f32']);
  if (!tied) tensors.push(['output.weight', [hidden, vocab], type('output')]);
  return { metadata, tensors };
}

/**
 * The tokenizer of Llama 3.1, in size: 128,256 tokens (of which the last 256 are control tokens) and 280,147 merges; with
 * the rest of the 8B model's header 9.65 MB.
 */
export function llama3Tokenizer(tokens = 128256, merges = 280147) {
  // Deterministic texts of about the real lengths: a token has 10.5 bytes, a merge 16.
  let seed = 1;
  const next = n => ((seed = Math.imul(seed, 1103515245) + 12345 & 0x7fffffff) >>> 8) % n;
  const word = length => Array.from({ length }, () => String.fromCharCode(97 + next(26))).join('');
  const list = Array.from({ length: tokens }, (_, i) => `${word(3 + next(14))}${i % 10}`);
  const pairs = Array.from({ length: merges }, () => `${word(2 + next(12))} ${word(2 + next(12))}`);
  return [
    ['tokenizer.ggml.model', 'text', 'gpt2'], ['tokenizer.ggml.pre', 'text', 'llama-bpe'],
    ['tokenizer.ggml.tokens', 'array:text', list],
    ['tokenizer.ggml.token_type', 'array:i32', list.map((_, i) => (i < tokens - 256 ? 1 : 3))],
    ['tokenizer.ggml.merges', 'array:text', pairs],
    ['tokenizer.ggml.bos_token_id', 'u32', 128000], ['tokenizer.ggml.eos_token_id', 'u32', 128009],
    ['tokenizer.chat_template', 'text', '{{ bos_token }}'.repeat(250)],
  ];
}
