// Types of the JSON border. What every key means and does: docs/api.md in the repository.
// Sizes are integers in bytes, token counts integers.

/** Loads the engine once. Must have resolved before the first call. */
export function load(options?: {
  /**
   * Where vram.wasm is, if not beside this module: a URL (in node a file path or file: URL), or its bytes. Bytes need no
   * fetch at all; a page with a Content-Security-Policy needs 'wasm-unsafe-eval' in script-src either way.
   */
  wasm?: string | URL | ArrayBuffer | Uint8Array;
}): Promise<void>;

/** One request, one response, synchronously. Text gives text (the same bytes as the CLI), an object gives an object. */
export function call(request: string): string;
export function call(request: EstimateRequest & { op: 'estimate' }): EstimateResponse | Failure;
export function call(request: EstimateRequest & { op: 'max_context' }): (EstimateResponse & { max_context: MaxContext }) | Failure;
export function call(request: EstimateRequest & { op: 'max_batch' }): (EstimateResponse & { max_batch: Largest }) | Failure;
export function call(request: TrainingRequest): TrainingResponse | Failure;
export function call(request: DiffusionRequest): DiffusionResponse | Failure;
export function call(request: CheckLogRequest): CheckLogResponse | Failure;
export function call(request: CatalogueRequest): CatalogueResponse | Failure;
export function call(request: { op: 'profiles' }): ProfilesResponse | Failure;
export function call(request: { op: 'version' }): VersionResponse | Failure;
export function call(request: LocateRequest): LocateResponse | Failure;
export function call(request: ChooseRequest): ChooseResponse | Failure;
export function call(request: ReferenceRequest): ReferenceResponse | Failure;
export function call(request: { op: string; [key: string]: unknown }): Success | Failure;

/** call({op: 'estimate', ...request}) */
export function estimate(request: EstimateRequest): EstimateResponse | Failure;

/**
 * The estimates of a grid of requests: what all cells share, and up to three axes with the values that a key takes.
 * call({op: 'sweep', ...request}) answers the same with plain arrays, and null where these have NaN.
 */
export function sweep(request: SweepRequest): SweepResponse | Failure;

export type Axis =
  /** `path`: a JSON pointer into the request, e.g. "/context" or "/engine/n_ubatch". `null` leaves the key out. */
  | { path: string; values: unknown[] }
  | { path: string; from: number; to: number; steps: number; scale?: 'linear' | 'log' };

export interface SweepRequest extends Omit<EstimateRequest, 'model' | 'engine' | 'also'> {
  /** May be left out when an axis brings it. */
  model?: EstimateRequest['model'];
  engine?: Engine | object;
  axes: Axis[];
  /** Kinds of ledger entries to have in columns of their own. */
  terms?: string[];
  also?: ('max_context' | 'max_batch')[];
}

/** Cells are numbered with the last axis changing fastest. */
export interface SweepResponse {
  ok: true;
  op: 'sweep';
  axes: { path: string; values: unknown[] }[];
  shape: number[];
  cells: number;
  /** Cells without an estimate, and why: the first such cell and how many. */
  refused: number;
  errors: { cell: number; cells: number; error: Failure['error'] }[];
  verdicts: ['fits', 'tight', 'does_not_fit', 'refused', 'no_gpu'];
  /** One index into `verdicts` a cell. */
  verdict: Uint8Array;
  /** Bytes of the fullest GPU at its peak. */
  low: Float64Array;
  expected: Float64Array;
  high: Float64Array;
  headroom_bytes: Float64Array;
  host_bytes: Float64Array;
  terms?: Record<string, Float64Array>;
  max_context?: Float64Array;
  max_batch?: Float64Array;
}

export interface Success {
  ok: true;
  op: string;
  [key: string]: unknown;
}

export interface Failure {
  ok: false;
  error: {
    /** JSON pointer to the field, e.g. "/model/config/num_key_value_heads". */
    path: string;
    /** The offending value, shortened. */
    value: string | number | boolean | null;
    /** What would be valid. */
    expected: string;
    message: string;
  };
}

export interface EstimateRequest {
  model: { id: string } | { config: object; name?: string } | { file: WeightFile; name?: string } | { manual: ManualModel };
  /** A format id ("q4_k_m") or a format with options. Default: the checkpoint's own format. */
  weights?: string | WeightsRequest;
  /** One type for both, or K and V apart. Default: "f16" for llama.cpp, the model's dtype for other engines. */
  kv_cache?: string | { k?: string; v?: string };
  /** Tokens per sequence. Default: 8192, or what the model allows if less. */
  context?: number;
  /** Sequences at the same time (batch size). Default: 1. */
  sequences?: number;
  /** Default: llama.cpp. */
  engine?: Engine;
  /** Without it the ledger is computed for one GPU of unknown size and there is no verdict. */
  gpu?: ({ id: string } | { memory_gib: number } | { row: object }) & { count?: number };
  /** Overhead profile: "auto" (chosen by the GPU), an id, or an object in the form of `profiles`. Default: "auto". */
  profile?: string | object;
  /** Further answers in the same response. */
  also?: ('max_context' | 'max_batch' | 'advice' | 'references')[];
  /** The caller's own rows, in the catalogue's form; the same id wins over the built-in one. */
  rows?: { models?: object[]; gpus?: object[]; profiles?: object[] };
}

export interface ManualModel {
  parameters_billion: number;
  num_hidden_layers: number;
  num_key_value_heads: number;
  head_dim: number;
  num_attention_heads?: number;
  hidden_size?: number;
  intermediate_size?: number;
  vocab_size?: number;
  vision_tower_gib?: number;
  fragmentation_factor?: number;
}

export interface WeightsRequest {
  format: string;
  bits?: number;
  group_size?: number;
  bits_per_weight?: number;
  double_quant?: boolean;
}

/** Options carry the engine's own names; what is left out takes the engine's default. */
export type Engine = { name: 'ideal' } | LlamaCpp | Vllm | Sglang | TensorRtLlm | Transformers | OtherEngine;

/** What stands around llama.cpp, and local engines: their options are in docs/api.md. */
export interface OtherEngine {
  name: 'ollama' | 'lm-studio' | 'koboldcpp' | 'mlx' | 'exllamav2' | 'exllamav3';
  [option: string]: unknown;
}

export interface LlamaCpp {
  name: 'llama.cpp';
  n_ctx?: number;
  n_batch?: number;
  n_ubatch?: number;
  n_seq_max?: number;
  n_gpu_layers?: number;
  n_cpu_moe?: number;
  n_outputs_max?: number;
  flash_attn?: boolean;
  kv_unified?: boolean;
  swa_full?: boolean;
  offload_kqv?: boolean;
  op_offload?: boolean;
  type_k?: string;
  type_v?: string;
}

export interface Vllm {
  name: 'vllm';
  /** "0.8.5"; without it 0.11.0 */
  version?: string;
  use_v1?: boolean;
  use_flashinfer_sampler?: boolean;
  gpu_memory_utilization?: number;
  kv_cache_memory_bytes?: number;
  num_gpu_blocks_override?: number;
  tensor_parallel_size?: number;
  pipeline_parallel_size?: number;
  data_parallel_size?: number;
  decode_context_parallel_size?: number;
  enable_expert_parallel?: boolean;
  max_model_len?: number;
  max_num_seqs?: number;
  max_num_batched_tokens?: number;
  enable_chunked_prefill?: boolean;
  kv_cache_dtype?: string;
  block_size?: number;
  disable_hybrid_kv_cache_manager?: boolean;
  enforce_eager?: boolean;
  cudagraph_capture_sizes?: number[];
  cpu_offload_gb?: number;
  swap_space?: number;
  enable_lora?: boolean;
  max_loras?: number;
  max_lora_rank?: number;
  speculative_config?: {
    method: 'ngram' | 'mtp' | 'eagle' | 'draft_model';
    num_speculative_tokens?: number;
    /** eagle and draft_model */
    model?: { id: string } | { config: object; name?: string } | { manual: ManualModel };
  };
  limit_mm_per_prompt?: number;
  skip_mm_profiling?: boolean;
}

export interface Sglang {
  name: 'sglang';
  mem_fraction_static?: number;
  tp_size?: number;
  pp_size?: number;
  dp_size?: number;
  ep_size?: number;
  enable_dp_attention?: boolean;
  context_length?: number;
  chunked_prefill_size?: number;
  max_prefill_tokens?: number;
  max_running_requests?: number;
  max_total_tokens?: number;
  kv_cache_dtype?: string;
  page_size?: number;
  cuda_graph_max_bs?: number;
  disable_cuda_graph?: boolean;
  swa_full_tokens_ratio?: number;
  mamba_full_memory_ratio?: number;
  disable_radix_cache?: boolean;
}

export interface TensorRtLlm {
  name: 'tensorrt-llm';
  backend?: 'pytorch' | 'tensorrt';
  free_gpu_memory_fraction?: number;
  max_tokens?: number;
  tensor_parallel_size?: number;
  pipeline_parallel_size?: number;
  moe_expert_parallel_size?: number;
  max_batch_size?: number;
  max_num_tokens?: number;
  max_seq_len?: number;
  max_beam_width?: number;
  tokens_per_block?: number;
  cuda_graph?: boolean;
}

export interface Transformers {
  name: 'transformers';
  attn_implementation?: 'eager' | 'sdpa' | 'flash_attention_2';
  cache_implementation?: 'dynamic' | 'static';
  num_beams?: number;
  logits_of_whole_prompt?: boolean;
}

export interface Interval {
  low: number;
  expected: number;
  high: number;
}

export interface Entry {
  /** "weights", "kv_cache", "compute_buffer", ... */
  kind: string;
  label: string;
  /** "gpu:0", "host", ... */
  device: string;
  /** The stages it is alive in. */
  stages: string[];
  bytes: Interval;
  /** In symbols; `values` has the numbers put in. */
  formula: string;
  values: Record<string, number>;
  source: string;
}

export interface EstimateResponse {
  ok: true;
  op: string;
  model: {
    id: string | null;
    name: string;
    model_type: string;
    parameters: number;
    active_parameters: number;
    num_hidden_layers: number;
    hidden_size: number;
    vocab_size: number;
    max_position_embeddings: number;
    kv_bytes_per_token: { full: number; windowed: number };
    state_bytes_per_sequence: number;
  };
  weights: { format: string; name: string; bytes: number; bits_per_weight: number };
  kv_cache: { k: string; v: string };
  context: number;
  sequences: number;
  engine: {
    name: Engine['name'];
    /** The engine's version the rules were checked against. */
    checked_against: string;
    /** Every option as it took effect. */
    options: Record<string, number | string | boolean>;
    figures: { name: string; number: number; unit: string; low?: number; high?: number }[];
  };
  gpu: {
    id: string | null;
    name: string;
    count: number;
    memory_bytes: number;
    memory_bytes_nominal: number;
    memory_reported: boolean;
    unified_memory: boolean;
  } | null;
  profile: { id: string; name: string };
  ledger: {
    entries: Entry[];
    peaks: { device: string; stage: string; bytes: Interval }[];
  };
  /** Expected peak <= capacity on every GPU. */
  fits: boolean | null;
  /** "fits": even the high bound does; "tight": the expected peak does, the high bound does not. */
  verdict: 'fits' | 'tight' | 'does_not_fit' | null;
  /** Capacity minus expected peak on the fullest GPU; negative when it does not fit. */
  headroom_bytes: number | null;
  first_that_does_not_fit: { entry: number; kind: string; label: string; device: string } | null;
  max_context?: MaxContext;
  max_batch?: Largest;
  advice?: {
    gpu: { id: string; name: string; count: number };
    parallelism: string;
    verdict: 'fits' | 'tight' | 'does_not_fit';
    headroom_bytes: number;
    text: string;
  }[];
  references?: { name: string; total_bytes: number; parts: Record<string, number>; note: string }[];
  warnings: { path: string; message: string }[];
}

export interface Largest {
  /** 0: not even the smallest fits. */
  value: number;
  bounded_by: 'memory' | 'limit';
  limit: number;
  /** What no longer fits at value + 1; null when bounded by the limit. */
  blocked_by: { kind: string; device: string } | null;
}

export interface MaxContext extends Largest {
  /** The smaller of `value` and max_position_embeddings. */
  within_model: number;
}

/** A file of weights, or a folder of them, as far as names and sizes go. docs/api.md, "Files". */
export interface FileSources {
  /** Names below the folder with '/'; `bytes` null or absent: unknown. */
  files: { name: string; bytes?: number | null }[];
  /** The list is all there is: nothing else is asked for. */
  complete?: boolean;
}

/** Bytes that the reader would like to see. */
export interface FileNeed {
  file: string;
  offset: number;
  length: number;
  /** The answer is better with this file; null for it costs nothing. */
  optional: boolean;
}

/** What a file turned out to hold. Goes into a request as `{model: {file}}`. docs/api.md, "Files". */
export interface WeightFile {
  format: 'gguf' | 'safetensors' | 'pytorch' | 'onnx' | 'diffusers' | 'peft' | 'ollama' | 'config';
  kind: 'model' | 'mmproj' | 'adapter' | 'control_vector' | 'imatrix' | 'vocabulary' | 'diffusion' | 'pipeline' | 'weights';
  name: string;
  architecture: string;
  files: string[];
  file_count: number;
  file_bytes: number | null;
  header_bytes: number;
  tensor_count: number;
  elements: number;
  tensor_bytes: number;
  types: { type: string; tensors: number; elements: number; bytes: number }[];
  parts: { part: string; tensors: number; elements: number; bytes: number }[];
  warnings: { path: string; message: string }[];
  [more: string]: unknown;
}

/** Reads a file's headers; `read` brings the bytes, null when the file cannot be had. */
export function readFile(
  sources: FileSources,
  read: (name: string, offset: number, length: number, need: FileNeed) => Promise<Uint8Array | null>,
  options?: { signal?: AbortSignal },
): Promise<{ ok: true; file: WeightFile } | Failure>;


export type Verdict = 'fits' | 'tight' | 'does_not_fit';
export type GpuRequest = NonNullable<EstimateRequest['gpu']>;
export type Warnings = { path: string; message: string }[];

/** What `training` and `diffusion` say of the ledger, as `estimate` does. */
export type Fit = Pick<EstimateResponse,
  'gpu' | 'profile' | 'ledger' | 'fits' | 'verdict' | 'headroom_bytes' | 'first_that_does_not_fit' | 'warnings'>;

/** A step of training or fine-tuning. docs/api.md, "training". */
export interface TrainingRequest extends Partial<TrainingOptions> {
  op: 'training';
  model: EstimateRequest['model'];
  /** QLoRA only: how the frozen weights are quantized. */
  weights?: string | WeightsRequest;
  gpu?: GpuRequest;
  profile?: string | object;
  also?: ('max_micro_batch_size' | 'max_sequence_length' | 'max_lora_rank' | 'techniques' | 'models')[];
  rows?: EstimateRequest['rows'];
}

export interface TrainingOptions {
  method: 'full' | 'lora' | 'qlora';
  lora_rank: number;
  target_modules: 'all-linear' | ('q_proj' | 'k_proj' | 'v_proj' | 'o_proj' | 'gate_proj' | 'up_proj' | 'down_proj')[];
  use_dora: boolean;
  /** Embeddings and head are trained as well. */
  train_embeddings: boolean;
  adapters_in_16_bit: boolean;
  lora_dropout: boolean;
  optimizer: 'sgd' | 'sgd_momentum' | 'adamw' | 'adamw_8bit' | 'paged_adamw' | 'paged_adamw_8bit' | 'adafactor' | 'lion' | 'lion_8bit';
  precision: 'fp32' | 'bf16' | 'bf16_mixed' | 'fp16_mixed';
  strategy: 'ddp' | 'zero_1' | 'zero_2' | 'zero_3' | 'fsdp';
  offload_optimizer: boolean;
  offload_param: boolean;
  /** Per GPU. */
  micro_batch_size: number;
  /** In tokens. */
  sequence_length: number;
  gradient_accumulation_steps: number;
  gradient_checkpointing: boolean;
  attn_implementation: 'eager' | 'sdpa' | 'flash_attention_2';
  loss: 'cross_entropy' | 'chunked' | 'fused_linear';
  fused_kernels: boolean;
  optimizer_in_backward: boolean;
}

export interface TrainingResponse extends Fit {
  ok: true;
  op: 'training';
  model: Omit<EstimateResponse['model'], 'active_parameters' | 'kv_bytes_per_token' | 'state_bytes_per_sequence'>;
  weights: { format: string; name: string };
  /** Every option as it took effect. */
  training: TrainingOptions;
  /** trainable_parameters, peak_activations, max_memory_allocated */
  figures: { name: string; number: number; unit: string }[];
  /** The largest that fits; value 0: not even one. null without a GPU. */
  max_micro_batch_size?: { value: number; limit: number } | null;
  max_sequence_length?: { value: number; limit: number } | null;
  max_lora_rank?: { value: number; limit: number } | null;
  /** One change at a time, the largest saving first. */
  techniques?: { name: string; text: string; saved_bytes: number; verdict: Verdict | null }[];
  models?: { id: string; name: string; parameters: number; verdict: Verdict; headroom_bytes: number }[];
}

/** Images and video. What the keys mean: docs/api.md, "diffusion". */
export interface DiffusionRequest {
  op: 'diffusion';
  pipeline: { id: string } | { components: object[]; [key: string]: unknown };
  height?: number;
  width?: number;
  frames?: number;
  batch?: number;
  text_tokens?: number;
  input_images?: number;
  guidance?: 'doubled' | 'sequential' | 'none';
  attention?: 'sdpa' | 'flash' | 'xformers' | 'eager';
  dtype?: 'fp32' | 'fp16' | 'bf16' | 'fp8';
  /** By role. */
  components?: Record<string, { dtype?: string; quantization?: string; vram_config?: object }>;
  techniques?: Record<string, boolean | number | object>;
  level?: 'none' | 'balanced' | 'aggressive' | 'ultra' | 'ultra_cpu' | 'auto';
  engine?:
    | { name: 'diffusers'; version?: string }
    | { name: 'diffsynth'; vram_config?: object; vram_limit?: number; file_format?: string }
    | { name: 'comfyui'; vram?: 'normalvram' | 'lowvram' | 'novram' | 'highvram'; disable_smart_memory?: boolean; reserve_vram?: number; cpu_vae?: boolean }
    | { name: 'forge'; vram?: 'normal' | 'always-high-vram' | 'always-low-vram' | 'always-no-vram'; gpu_weights?: number }
    | { name: 'a1111'; vram?: 'normal' | 'medvram' | 'lowvram' }
    | { name: 'stable-diffusion.cpp'; diffusion_fa?: boolean; diffusion_conv_direct?: boolean; vae_conv_direct?: boolean; clip_on_cpu?: boolean; vae_on_cpu?: boolean };
  lora?: { rank: number; count?: number; fused?: boolean };
  companions?: { kind: 'controlnet' | 't2i_adapter' | 'ip_adapter' | 'upscaler'; count?: number }[];
  safety_checker?: boolean;
  empties_cache?: boolean;
  aspect_ratio?: [number, number];
  gpu?: GpuRequest;
  profile?: string | object;
  rows?: EstimateRequest['rows'];
  also?: ('max_resolution' | 'max_frames' | 'max_batch' | 'max_loras' | 'savings' | 'levels' | 'weakest' | 'smallest_gpu' | 'vram_limit' | 'references')[];
}

export interface LargestPicture {
  value: number;
  height: number;
  width: number;
  bounded_by: string;
  limit: number;
  blocked_by: { stage: string; kind: string; label: string } | null;
}

export interface LargestCount {
  value: number;
  bounded_by: string;
  limit: number;
  blocked_by: object | null;
}

export interface DiffusionResponse extends Fit {
  ok: true;
  op: 'diffusion';
  pipeline: {
    id: string | null;
    name: string;
    task: string;
    components: { role: string; class: string; parameters: number; counted_from: 'config' | 'published'; dtype: string; quantization: string | null; bytes: number; source: string }[];
  };
  height: number;
  width: number;
  frames: number;
  batch: number;
  latents: { channels: number; frames: number; height: number; width: number; tokens: number };
  text_tokens: number;
  input_images: number;
  guidance: string;
  attention: string;
  techniques: Record<string, unknown>;
  level: string | null;
  engine: { name: string; checked_against: string };
  /** Every run of a component, in order. */
  stages: {
    stage: string; component: string; what: string;
    activations: Interval; fullest_at: string;
    allocated: Interval; reserved: Interval; nvidia_smi: Interval;
    host: Interval; disk_bytes: number;
  }[];
  memory: { allocated: Interval; reserved: Interval; nvidia_smi: Interval };
  max_resolution?: { square: LargestPicture; at_aspect_ratio: LargestPicture } | null;
  max_frames?: LargestCount | null;
  max_batch?: LargestCount | null;
  max_loras?: LargestCount | null;
  savings?: { technique: string; name: string; active: boolean; saves_bytes: number; slower: { low: number; high: number }; timed: boolean; nvidia_smi: Interval; fits: boolean | null; source: string }[];
  levels?: { level: string; name: string; slower: object; allocated: Interval; nvidia_smi: Interval; host_bytes: number; fits: boolean | null; chosen: boolean; source: string }[];
  weakest?: { fits: boolean; techniques: string[]; slower: object; nvidia_smi: Interval; blocked_by: object | null } | null;
  smallest_gpu?: { id: string; name: string; memory_bytes: number; headroom_bytes: number } | null;
  vram_limit?: number | null;
  references?: { name: string; predicted_vram_gb: number; fixed_cost_gb: number; spatial_cost_gb: number; note: string }[];
}

/** A start-up log of llama.cpp or vLLM, beside the estimate of the same settings. */
export interface CheckLogRequest {
  op: 'check_log';
  text: string;
  /** Where the log does not say them. */
  model?: EstimateRequest['model'];
  weights?: EstimateRequest['weights'];
  gpu?: GpuRequest;
}

export interface CheckLogResponse {
  ok: true;
  op: 'check_log';
  recognised: {
    engine: 'llama.cpp' | 'vllm';
    version: string | null;
    model_by: 'shape' | 'name' | 'metadata' | 'request';
    lines: number;
    gpus: string[];
    facts: Record<string, string>;
  };
  /** The estimate request that the log amounts to. */
  request: EstimateRequest & { op: 'estimate' };
  terms: {
    term: string;
    device: string | null;
    unit: 'bytes' | 'tokens' | 'requests';
    measured: { text: string; value: number; rounded_by: number };
    estimate: Interval;
    difference: number;
    relative: number | null;
    verdict: 'exact' | 'within' | 'off';
  }[];
  not_compared: { term: string; device: string | null; text: string; reason: string }[];
  estimate: EstimateResponse | Failure;
}

export type CatalogueList = 'models' | 'gpus' | 'weights' | 'kv_cache_types' | 'engines' | 'pipelines' | 'quantizations';

export interface CatalogueRequest {
  op: 'catalogue';
  /** Without it, all of them. */
  list?: CatalogueList | CatalogueList[];
}

/** Holds the lists that were asked for. What their rows may have: docs/api.md, "catalogue". */
export interface CatalogueResponse {
  ok: true;
  op: 'catalogue';
  models?: { id: string; name: string; model_type: string; parameters: number; active_parameters: number; max_position_embeddings: number; native_weights: string }[];
  gpus?: { id: string; memory_mib: number; name?: string; vendor?: string; [more: string]: unknown }[];
  weights?: { id: string; name: string; scheme: string; bits_per_weight: number; source: string }[];
  kv_cache_types?: { id: string; name: string; bits_per_element: number; source: string }[];
  engines?: { name: string; checked_against: string; options: Record<string, unknown>; kv_cache_types: string[] }[];
  pipelines?: {
    id: string; name: string; task: string; height: number; width: number; frames: number; guidance: string; text_tokens: number;
    multiple: number; frame_step: number; input_images: number;
    components: { role: string; class: string; dtype: string }[]; source: string;
  }[];
  quantizations?: { id: string; name: string; bytes_per_weight: number; source: string }[];
}

export interface ProfilesResponse {
  ok: true;
  op: 'profiles';
  profiles: { id: string; name?: string; source?: string; [more: string]: unknown }[];
}

export interface VersionResponse {
  ok: true;
  op: 'version';
  version: string;
  api: number;
  engines: { name: string; checked_against: string }[];
}

export interface Endpoints {
  hugging_face?: string;
  modelscope?: string;
  ollama?: string;
}

/** What people paste as the place of a model, as addresses. */
export interface LocateRequest {
  op: 'locate';
  text: string;
  endpoints?: Endpoints;
}

export interface LocateResponse {
  ok: true;
  op: 'locate';
  host: 'hugging_face' | 'modelscope' | 'ollama' | 'web';
  repository: string | null;
  revision: string | null;
  path: string | null;
  folder: boolean;
  quantization: string | null;
  list_url: string | null;
  base_url: string;
  url: string | null;
}

/** What a host lists there, as models to read. */
export interface ChooseRequest {
  op: 'choose';
  text: string;
  endpoints?: Endpoints;
  /** What `list_url` gave, page by page. */
  pages: unknown[];
}

export interface ChooseResponse {
  ok: true;
  op: 'choose';
  file_count: number;
  choices: {
    name: string;
    kind: 'gguf' | 'safetensors' | 'diffusers' | 'pytorch' | 'adapter' | 'onnx' | 'ollama' | 'mmproj';
    bytes: number | null;
    files: { name: string; bytes: number | null }[];
  }[];
  /** null: people must choose. */
  chosen: number | null;
}

/** Formulas published by others. Sizes are in the unit of the formula, as its key says. */
export interface ReferenceRequest {
  op: 'reference';
  name: 'sd15-analytic' | 'llm-activation-34/10' | 'imageworks';
  [parameter: string]: unknown;
}

export interface ReferenceResponse {
  ok: true;
  op: 'reference';
  name: string;
  result: Record<string, number | string>;
  note: string;
}
