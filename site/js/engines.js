// The engines' options that the form offers, by the engines' own names. Defaults are not repeated here: the engine's
// effective options come back with every estimate and are shown as placeholders; cache types come with the catalogue.

export const engines = [
  {
    name: 'llama.cpp',
    title: 'llama.cpp',
    about: 'also Ollama, LM Studio, Jan, KoboldCpp',
    apart: true, // K and V cache may differ in type
    options: [
      { name: 'n_gpu_layers', type: 'count', about: 'layers on the GPU; −1 is all of them' },
      { name: 'n_cpu_moe', type: 'count', about: 'experts of the first n layers stay in RAM; −1 is all' },
      { name: 'n_ubatch', type: 'count', about: 'tokens computed at once; sets the compute buffer' },
      { name: 'flash_attn', type: 'switch', about: 'flash attention' },
      { name: 'n_batch', type: 'count', about: 'tokens submitted at once' },
      { name: 'n_ctx', type: 'count', about: 'cells in all; else context × sequences' },
      { name: 'n_seq_max', type: 'count', about: 'sequences the cache is laid out for' },
      { name: 'n_outputs_max', type: 'count', about: 'tokens with logits per batch' },
      { name: 'kv_unified', type: 'switch', about: 'one cache shared by all sequences' },
      { name: 'swa_full', type: 'switch', about: 'full-size cache for sliding-window layers' },
      { name: 'offload_kqv', type: 'switch', about: 'KV cache on the GPU' },
      { name: 'op_offload', type: 'switch', about: 'large host operations run on the GPU' },
    ],
  },
  {
    name: 'vllm',
    title: 'vLLM',
    about: 'takes a share of the GPU and fills it with cache',
    apart: false,
    options: [
      { name: 'gpu_memory_utilization', type: 'fraction', about: 'share of the GPU it takes' },
      { name: 'max_num_batched_tokens', type: 'count', about: 'tokens in one step; sets the activations' },
      { name: 'max_num_seqs', type: 'count', about: 'requests in one step' },
      { name: 'enforce_eager', type: 'switch', about: 'no CUDA graphs' },
      { name: 'tensor_parallel_size', type: 'count', about: 'GPUs that share every layer' },
      { name: 'pipeline_parallel_size', type: 'count', about: 'GPUs that take layers in turn' },
      { name: 'max_model_len', type: 'count', about: 'longest request; else the context' },
      { name: 'block_size', type: 'count', about: 'tokens per cache block' },
    ],
  },
  {
    name: 'transformers',
    title: 'Transformers',
    about: 'Hugging Face generate(), PyTorch',
    apart: false,
    options: [
      { name: 'attn_implementation', type: 'choice', choices: ['eager', 'sdpa', 'flash_attention_2'], about: 'how attention is computed' },
      { name: 'cache_implementation', type: 'choice', choices: ['dynamic', 'static'], about: 'cache that grows, or laid out at once' },
      { name: 'num_beams', type: 'count', about: 'beams of beam search' },
      { name: 'logits_of_whole_prompt', type: 'switch', about: 'versions before 4.45' },
    ],
  },
  { name: 'ideal', title: 'Ideal', about: 'weights and cache only: the floor', apart: true, options: [] },
];

export const engineNamed = (name) => engines.find((engine) => engine.name === name);

// The manual model's fields; the first four are required. The examples are Llama 3.1 8B's.
export const manualFields = [
  { name: 'parameters_billion', label: 'Parameters (billion)', required: true, example: '8.03' },
  { name: 'num_hidden_layers', label: 'Layers', required: true, example: '32' },
  { name: 'num_key_value_heads', label: 'KV heads', required: true, example: '8' },
  { name: 'head_dim', label: 'Head dimension', required: true, example: '128' },
  { name: 'num_attention_heads', label: 'Attention heads', example: '32' },
  { name: 'hidden_size', label: 'Hidden size', example: '4096' },
  { name: 'intermediate_size', label: 'Intermediate size', example: '14336' },
  { name: 'vocab_size', label: 'Vocabulary', example: '128256' },
  { name: 'vision_tower_gib', label: 'Vision tower (GiB)', example: '0' },
  { name: 'fragmentation_factor', label: 'Fragmentation factor', example: '1' },
];

// What the manual form begins with: an answer to change, instead of four complaints.
export const manualStart = Object.fromEntries(manualFields.filter(({ required }) => required).map(({ name, example }) => [name, example]));
