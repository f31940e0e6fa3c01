// The engines' options that the form offers, by the engines' own names. Defaults are not repeated here: the engine's
// effective options come back with every estimate and are shown as placeholders; cache types come with the catalogue.
// What an option is, is the text about-<name>; `about` of an engine is the id of a text.

export const engines = [
  {
    name: 'llama.cpp',
    title: 'llama.cpp',
    about: 'engine-about-llama',
    apart: true, // K and V cache may differ in type
    options: [
      { name: 'n_gpu_layers', type: 'count' },
      { name: 'n_cpu_moe', type: 'count' },
      { name: 'n_ubatch', type: 'count' },
      { name: 'flash_attn', type: 'switch' },
      { name: 'n_batch', type: 'count' },
      { name: 'n_ctx', type: 'count' },
      { name: 'n_seq_max', type: 'count' },
      { name: 'n_outputs_max', type: 'count' },
      { name: 'kv_unified', type: 'switch' },
      { name: 'swa_full', type: 'switch' },
      { name: 'offload_kqv', type: 'switch' },
      { name: 'op_offload', type: 'switch' },
      { name: 'split_mode', type: 'choice', choices: ['layer', 'none'] },
      { name: 'main_gpu', type: 'count' },
      { name: 'mmproj', type: 'switch' },
      { name: 'mtp', type: 'switch' },
    ],
  },
  // Programs that run llama.cpp under option names and defaults of their own.
  {
    name: 'ollama',
    title: 'Ollama',
    about: 'engine-about-ollama',
    apart: false,
    options: [
      { name: 'num_gpu', type: 'count' },
      { name: 'num_parallel', type: 'count' },
      { name: 'num_batch', type: 'count' },
      { name: 'flash_attention', type: 'switch' },
      { name: 'num_ctx', type: 'count' },
    ],
  },
  {
    name: 'lm-studio',
    title: 'LM Studio',
    about: 'engine-about-lm-studio',
    apart: true,
    options: [
      { name: 'gpuRatio', type: 'fraction' },
      { name: 'numCpuExpertLayersRatio', type: 'fraction' },
      { name: 'evalBatchSize', type: 'count' },
      { name: 'flashAttention', type: 'switch' },
      { name: 'offloadKVCacheToGpu', type: 'switch' },
      { name: 'maxParallelPredictions', type: 'count' },
      { name: 'useUnifiedKvCache', type: 'switch' },
    ],
  },
  {
    name: 'koboldcpp',
    title: 'KoboldCpp',
    about: 'engine-about-koboldcpp',
    apart: false,
    options: [
      { name: 'gpulayers', type: 'count' },
      { name: 'moecpu', type: 'count' },
      { name: 'batchsize', type: 'count' },
      { name: 'flashattention', type: 'switch' },
      { name: 'lowvram', type: 'switch' },
      { name: 'noswa', type: 'switch' },
      { name: 'parallelrequests', type: 'count' },
    ],
  },
  {
    name: 'vllm',
    title: 'vLLM',
    about: 'engine-about-vllm',
    apart: false,
    options: [
      { name: 'gpu_memory_utilization', type: 'fraction' },
      { name: 'max_num_batched_tokens', type: 'count' },
      { name: 'max_num_seqs', type: 'count' },
      { name: 'enforce_eager', type: 'switch' },
      { name: 'tensor_parallel_size', type: 'count' },
      { name: 'pipeline_parallel_size', type: 'count' },
      { name: 'max_model_len', type: 'count' },
      { name: 'block_size', type: 'count' },
      { name: 'version', type: 'word' },
      { name: 'data_parallel_size', type: 'count' },
      { name: 'enable_expert_parallel', type: 'switch' },
      { name: 'decode_context_parallel_size', type: 'count' },
      { name: 'enable_chunked_prefill', type: 'switch' },
      { name: 'use_v1', type: 'switch' },
      { name: 'use_flashinfer_sampler', type: 'switch' },
      { name: 'disable_hybrid_kv_cache_manager', type: 'switch' },
      { name: 'enable_lora', type: 'switch' },
      { name: 'max_loras', type: 'count' },
      { name: 'max_lora_rank', type: 'count' },
      { name: 'cpu_offload_gb', type: 'fraction' },
      { name: 'swap_space', type: 'fraction' },
      { name: 'kv_cache_memory_bytes', type: 'count' },
      { name: 'limit_mm_per_prompt', type: 'count' },
      { name: 'skip_mm_profiling', type: 'switch' },
    ],
  },
  {
    name: 'sglang',
    title: 'SGLang',
    about: 'engine-about-sglang',
    apart: false,
    options: [
      { name: 'mem_fraction_static', type: 'fraction' },
      { name: 'chunked_prefill_size', type: 'count' },
      { name: 'max_running_requests', type: 'count' },
      { name: 'cuda_graph_max_bs', type: 'count' },
      { name: 'disable_cuda_graph', type: 'switch' },
      { name: 'tp_size', type: 'count' },
      { name: 'pp_size', type: 'count' },
      { name: 'dp_size', type: 'count' },
      { name: 'ep_size', type: 'count' },
      { name: 'enable_dp_attention', type: 'switch' },
      { name: 'context_length', type: 'count' },
      { name: 'max_total_tokens', type: 'count' },
      { name: 'page_size', type: 'count' },
      { name: 'disable_radix_cache', type: 'switch' },
    ],
  },
  {
    name: 'tensorrt-llm',
    title: 'TensorRT-LLM',
    about: 'engine-about-tensorrt-llm',
    apart: false,
    options: [
      { name: 'free_gpu_memory_fraction', type: 'fraction' },
      { name: 'max_batch_size', type: 'count' },
      { name: 'max_num_tokens', type: 'count' },
      { name: 'max_seq_len', type: 'count' },
      { name: 'tensor_parallel_size', type: 'count' },
      { name: 'pipeline_parallel_size', type: 'count' },
      { name: 'moe_expert_parallel_size', type: 'count' },
      { name: 'tokens_per_block', type: 'count' },
      { name: 'max_beam_width', type: 'count' },
      { name: 'max_tokens', type: 'count' },
      { name: 'backend', type: 'choice', choices: ['pytorch', 'tensorrt'] },
      { name: 'cuda_graph', type: 'switch' },
    ],
  },
  {
    name: 'transformers',
    title: 'Transformers',
    about: 'engine-about-transformers',
    apart: false,
    options: [
      { name: 'attn_implementation', type: 'choice', choices: ['eager', 'sdpa', 'flash_attention_2'] },
      { name: 'cache_implementation', type: 'choice', choices: ['dynamic', 'static', 'offloaded', 'offloaded_static', 'quantized'] },
      { name: 'num_beams', type: 'count' },
      { name: 'max_new_tokens', type: 'count' },
      { name: 'version', type: 'choice', choices: ['4.38', '4.44', '4.47', '4.55', '4.57'] },
      { name: 'num_return_sequences', type: 'count' },
      { name: 'prefill_chunk_size', type: 'count' },
      { name: 'logits_of_whole_prompt', type: 'switch' },
      { name: 'nbits', type: 'count' },
      { name: 'q_group_size', type: 'count' },
      { name: 'residual_length', type: 'count' },
      { name: 'device_map', type: 'choice', choices: ['auto', 'balanced', 'balanced_low_0', 'sequential'] },
      { name: 'max_memory_gib', type: 'fraction' },
      { name: 'cpu_memory_gib', type: 'fraction' },
      { name: 'offload_to_disk', type: 'switch' },
    ],
  },
  {
    name: 'mlx',
    title: 'MLX',
    about: 'engine-about-mlx',
    apart: false,
    options: [
      { name: 'kv_bits', type: 'count' },
      { name: 'kv_group_size', type: 'count' },
      { name: 'max_kv_size', type: 'count' },
      { name: 'prefill_step_size', type: 'count' },
    ],
  },
  ...['exllamav2', 'exllamav3'].map((name) => ({
    name,
    title: name === 'exllamav2' ? 'ExLlamaV2' : 'ExLlamaV3',
    about: `engine-about-${name}`,
    apart: false,
    options: [
      { name: 'k_bits', type: 'count' },
      { name: 'v_bits', type: 'count' },
      { name: 'max_seq_len', type: 'count' },
      { name: 'max_chunk_size', type: 'count' },
      { name: 'flash_attn', type: 'switch' },
    ],
  })),
  { name: 'ideal', title: 'Ideal', about: 'engine-about-ideal', apart: true, options: [] },
];

// Engines and options that the catalogue has beyond these: shown by their own names, typed by their defaults. True when
// something was new.
export function learnEngines(rows) {
  let news = false;
  for (const { name, options, kv_cache_types: types } of rows) {
    let known = engines.find((engine) => engine.name === name);
    if (!known) {
      known = { name, title: titles[name] ?? name, about: '', apart: false, options: [] };
      engines.splice(-1, 0, known); // the floor stays last
      news = true;
    }
    known.types = types;
    for (const [option, value] of Object.entries(options ?? {})) {
      if (known.options.some((one) => one.name === option) || isOther(option)) continue;
      const type = typeof value === 'boolean' ? 'switch' : typeof value === 'number' ? (Number.isInteger(value) ? 'count' : 'fraction') : typeof value === 'string' ? 'word' : Array.isArray(value) ? 'list' : null;
      if (!type) continue;
      known.options.push({ name: option, type });
      news = true;
    }
  }
  return news;
}
const titles = { ollama: 'Ollama', 'lm-studio': 'LM Studio', koboldcpp: 'KoboldCpp', sglang: 'SGLang', 'tensorrt-llm': 'TensorRT-LLM', mlx: 'MLX', exllamav2: 'ExLlamaV2', exllamav3: 'ExLlamaV3', exllama: 'ExLlama' };
// What the form has a field of its own for.
const isOther = (option) => /^(type_[kv]|kv_cache_dtype|model_draft|name)$/.test(option);

export const engineNamed = (name) => engines.find((engine) => engine.name === name);

// The manual model's fields (texts manual-<name>); the first four are required. The examples are Llama 3.1 8B's.
export const manualFields = [
  { name: 'parameters_billion', required: true, example: '8.03' },
  { name: 'num_hidden_layers', required: true, example: '32' },
  { name: 'num_key_value_heads', required: true, example: '8' },
  { name: 'head_dim', required: true, example: '128' },
  { name: 'num_attention_heads', example: '32' },
  { name: 'hidden_size', example: '4096' },
  { name: 'intermediate_size', example: '14336' },
  { name: 'vocab_size', example: '128256' },
  { name: 'vision_tower_gib', example: '0' },
  { name: 'fragmentation_factor', example: '1' },
];

// What the manual form begins with: an answer to change, instead of four complaints.
export const manualStart = Object.fromEntries(manualFields.filter(({ required }) => required).map(({ name, example }) => [name, example]));
