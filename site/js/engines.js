// The engines' options that the form offers, by the engines' own names. Defaults are not repeated here: the engine's
// effective options come back with every estimate and are shown as placeholders; cache types come with the catalogue.
// What an option is, is the text about-<name>; `about` of an engine is the id of a text.

// "n_ctx flash_attn:switch split_mode=layer|none": a count, unless its type or its choices are named.
const optionsOf = (words) =>
  words.trim().split(/\s+/).map((word) => {
    const [, name, type = 'count', choices] = /^(\w+)(?::(\w+))?(?:=(.*))?$/.exec(word);
    return choices ? { name, type: 'choice', choices: choices.split('|') } : { name, type };
  });

export const engines = [
  {
    name: 'llama.cpp',
    title: 'llama.cpp',
    about: 'engine-about-llama',
    apart: true, // K and V cache may differ in type
    options: optionsOf(`
      n_gpu_layers n_cpu_moe n_ubatch flash_attn:switch n_batch n_ctx n_seq_max n_outputs_max kv_unified:switch
      swa_full:switch offload_kqv:switch op_offload:switch split_mode=layer|none main_gpu mmproj:switch mtp:switch
    `),
  },
  // Programs that run llama.cpp under option names and defaults of their own.
  {
    name: 'ollama',
    title: 'Ollama',
    about: 'engine-about-ollama',
    apart: false,
    options: optionsOf('num_gpu num_parallel num_batch flash_attention:switch num_ctx'),
  },
  {
    name: 'lm-studio',
    title: 'LM Studio',
    about: 'engine-about-lm-studio',
    apart: true,
    options: optionsOf(`
      gpuRatio:fraction numCpuExpertLayersRatio:fraction evalBatchSize flashAttention:switch
      offloadKVCacheToGpu:switch maxParallelPredictions useUnifiedKvCache:switch
    `),
  },
  {
    name: 'koboldcpp',
    title: 'KoboldCpp',
    about: 'engine-about-koboldcpp',
    apart: false,
    options: optionsOf('gpulayers moecpu batchsize flashattention:switch lowvram:switch noswa:switch parallelrequests'),
  },
  {
    name: 'vllm',
    title: 'vLLM',
    about: 'engine-about-vllm',
    apart: false,
    options: optionsOf(`
      gpu_memory_utilization:fraction max_num_batched_tokens max_num_seqs enforce_eager:switch
      tensor_parallel_size pipeline_parallel_size max_model_len block_size version:word data_parallel_size
      enable_expert_parallel:switch decode_context_parallel_size enable_chunked_prefill:switch use_v1:switch
      use_flashinfer_sampler:switch disable_hybrid_kv_cache_manager:switch enable_lora:switch max_loras
      max_lora_rank cpu_offload_gb:fraction swap_space:fraction kv_cache_memory_bytes limit_mm_per_prompt
      skip_mm_profiling:switch
    `),
  },
  {
    name: 'sglang',
    title: 'SGLang',
    about: 'engine-about-sglang',
    apart: false,
    options: optionsOf(`
      mem_fraction_static:fraction chunked_prefill_size max_running_requests cuda_graph_max_bs
      disable_cuda_graph:switch tp_size pp_size dp_size ep_size enable_dp_attention:switch context_length
      max_total_tokens page_size disable_radix_cache:switch
    `),
  },
  {
    name: 'tensorrt-llm',
    title: 'TensorRT-LLM',
    about: 'engine-about-tensorrt-llm',
    apart: false,
    options: optionsOf(`
      free_gpu_memory_fraction:fraction max_batch_size max_num_tokens max_seq_len tensor_parallel_size
      pipeline_parallel_size moe_expert_parallel_size tokens_per_block max_beam_width max_tokens
      backend=pytorch|tensorrt cuda_graph:switch
    `),
  },
  {
    name: 'transformers',
    title: 'Transformers',
    about: 'engine-about-transformers',
    apart: false,
    options: optionsOf(`
      attn_implementation=eager|sdpa|flash_attention_2
      cache_implementation=dynamic|static|offloaded|offloaded_static|quantized num_beams max_new_tokens
      version=4.38|4.44|4.47|4.55|4.57 num_return_sequences prefill_chunk_size logits_of_whole_prompt:switch nbits
      q_group_size residual_length device_map=auto|balanced|balanced_low_0|sequential max_memory_gib:fraction
      cpu_memory_gib:fraction offload_to_disk:switch
    `),
  },
  {
    name: 'mlx',
    title: 'MLX',
    about: 'engine-about-mlx',
    apart: false,
    options: optionsOf('kv_bits kv_group_size max_kv_size prefill_step_size'),
  },
  ...['exllamav2', 'exllamav3'].map((name) => ({
    name,
    title: name === 'exllamav2' ? 'ExLlamaV2' : 'ExLlamaV3',
    about: `engine-about-${name}`,
    apart: false,
    options: optionsOf('k_bits v_bits max_seq_len max_chunk_size flash_attn:switch'),
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
