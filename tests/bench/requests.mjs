// What is timed. Real set-ups: a catalogue model, and a config.json as one pastes it (Qwen/Qwen3-30B-A3B).
const llama = {
  op: 'estimate',
  model: { id: 'llama-3.1-8b' },
  weights: 'q4_k_m',
  context: 8192,
  engine: { name: 'llama.cpp' },
  gpu: { id: 'rtx-4090' },
};

const qwen3Moe = {
  architectures: ['Qwen3MoeForCausalLM'], attention_bias: false, attention_dropout: 0, bos_token_id: 151643,
  decoder_sparse_step: 1, eos_token_id: 151645, head_dim: 128, hidden_act: 'silu', hidden_size: 2048,
  initializer_range: 0.02, intermediate_size: 6144, max_position_embeddings: 40960, max_window_layers: 48,
  mlp_only_layers: [], model_type: 'qwen3_moe', moe_intermediate_size: 768, norm_topk_prob: true,
  num_attention_heads: 32, num_experts: 128, num_experts_per_tok: 8, num_hidden_layers: 48, num_key_value_heads: 4,
  output_router_logits: false, rms_norm_eps: 1e-6, rope_scaling: null, rope_theta: 1000000,
  router_aux_loss_coef: 0.001, sliding_window: null, tie_word_embeddings: false, torch_dtype: 'bfloat16',
  transformers_version: '4.51.0', use_cache: true, use_sliding_window: false, vocab_size: 151936,
};

export const requests = {
  'estimate, Llama 3.1 8B': llama,
  'estimate, pasted config.json of a 30B MoE': { ...llama, model: { config: qwen3Moe } },
  'estimate, vLLM': { ...llama, weights: 'bf16', engine: { name: 'vllm' } },
  'max_context': { ...llama, op: 'max_context' },
  'estimate with max_context, max_batch, advice and references': {
    ...llama, also: ['max_context', 'max_batch', 'advice', 'references'],
  },
};

// Grids of 10,000 set-ups each, for op "sweep".
const lengths = (steps) => ({ path: '/context', from: 1024, to: 131072, steps, scale: 'log' });
const formats = ['q2_k', 'q3_k_m', 'q4_0', 'q4_k_s', 'q4_k_m', 'q5_k_m', 'q6_k', 'q8_0', 'bf16', 'fp32'];
const cacheTypes = ['f16', 'bf16', 'f32', 'q8_0', 'q4_0', 'q4_1', 'q5_0', 'q5_1', { k: 'f16', v: 'q8_0' }, { k: 'q8_0', v: 'q4_0' }];
const { op: _, context: __, ...shared } = llama;
export const sweeps = {
  'context × weights × KV cache': { ...shared, axes: [{ path: '/weights', values: formats }, { path: '/kv_cache', values: cacheTypes }, lengths(100)] },
  'context × weights × GPU': { ...shared, axes: [{ path: '/weights', values: formats },
    { path: '/gpu', values: [6, 8, 12, 16, 20, 24, 32, 48, 80, 96].map((memory_gib) => ({ memory_gib })) }, lengths(100)] },
  'context × sequences': { ...shared, axes: [{ path: '/sequences', from: 1, to: 100, steps: 100 }, lengths(100)] },
  'context × sequences, weights and cache only': { ...shared, weights: 'bf16', engine: { name: 'ideal' },
    axes: [{ path: '/sequences', from: 1, to: 100, steps: 100 }, lengths(100)] },
};
