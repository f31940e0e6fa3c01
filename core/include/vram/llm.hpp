// Language models: a request in, a ledger out, one engine at a time.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "vram/hardware.hpp"
#include "vram/ledger.hpp"
#include "vram/memo.hpp"
#include "vram/model.hpp"
#include "vram/residuals.hpp"
#include "vram/result.hpp"
#include "vram/storage.hpp"

namespace vram {

// Weights and cache, nothing else: the floor under every engine.
struct IdealOptions {};

// A second, smaller model beside the first, for speculative decoding. Context, batch and sequences are the first's.
struct DraftModel {
  Model model;
  WeightFormat weights;
  const TensorType* type_k = nullptr;  // never null
  const TensorType* type_v = nullptr;
  std::int64_t n_gpu_layers = -1;  // -1: all
};

// llama.cpp's own parameter names (llama.h: llama_model_params, llama_context_params).
struct LlamaCppOptions {
  // Programs that run llama.cpp under option names and defaults of their own.
  enum class Program : std::uint8_t { llama_cpp, ollama, lm_studio, koboldcpp };
  enum class SplitMode : std::uint8_t { none, layer };
  Program program = Program::llama_cpp;
  std::int64_t n_ctx = 0;       // 0: context x sequences. Ollama: of one slot, 0: context
  std::int64_t n_batch = 2048;  // 0: the program's own choice (Ollama)
  std::int64_t n_ubatch = 512;
  std::int64_t n_seq_max = 0;      // 0: sequences
  std::int64_t n_gpu_layers = -1;  // -1: all, the output layer included
  std::int64_t n_cpu_moe = 0;      // experts of the first n layers stay in RAM; -1: of all layers (--cpu-moe)
  std::int64_t n_outputs_max = 0;  // 0: n_batch; -1: n_seq_max
  std::optional<bool> flash_attn;  // empty: on where the GPU has a kernel for the model's heads (auto)
  bool kv_unified = true;
  bool swa_full = false;
  bool offload_kqv = true;
  bool op_offload = true;
  SplitMode split_mode = SplitMode::layer;
  std::int64_t main_gpu = 0;         // the GPU that holds everything when split_mode is none
  std::vector<double> tensor_split;  // shares of the GPUs; empty: equal
  bool mmproj = true;                // the vision encoder's file is loaded, if the model has one
  bool mmproj_offload = true;        // onto a GPU
  bool mtp = false;                  // drafts with the model's own multi-token-prediction layers
  std::shared_ptr<const DraftModel> draft;
};

// A release of vLLM, e.g. 0.10.1. Releases after it ("0.10.1.1", ".post1") count as the release itself.
struct VllmVersion {
  int major = 0;
  int minor = 11;
  int patch = 0;
  friend constexpr auto operator<=>(const VllmVersion&, const VllmVersion&) = default;
};
inline constexpr VllmVersion kOldestVllm{0, 6, 0};
inline constexpr VllmVersion kNewestVllm{0, 30, 99};  // the newest whose source was read
// "0.8.5", "v0.10.1.1", "0.9" (its last release), "0.11.0rc1"; nothing for what is no such text.
std::optional<VllmVersion> parse_vllm_version(std::string_view text);

// Speculative decoding: a draft proposes tokens that the model then checks.
struct Speculation {
  enum class Method : std::uint8_t { none, ngram, mtp, eagle, draft_model };
  Method method = Method::none;
  std::int64_t num_speculative_tokens = 0;  // 0: 1 with a method
  std::shared_ptr<const Model> draft;       // eagle, draft_model: never null
};

// vLLM's own parameter names (vllm/engine/arg_utils.py). Environment variables in lower case without VLLM_.
struct VllmOptions {
  VllmVersion version;
  std::optional<bool> use_v1;                  // VLLM_USE_V1; nothing: what the version takes on this GPU
  std::optional<bool> use_flashinfer_sampler;  // VLLM_USE_FLASHINFER_SAMPLER; nothing: the version's default
  double gpu_memory_utilization = 0;           // 0: the version's default, 0.9 or (from 0.21) 0.92
  std::int64_t kv_cache_memory_bytes = 0;      // 0: what gpu_memory_utilization leaves; from 0.11
  std::int64_t num_gpu_blocks_override = 0;
  std::int64_t tensor_parallel_size = 0;  // 0: number of GPUs / (pipeline_parallel_size * data_parallel_size)
  std::int64_t pipeline_parallel_size = 1;
  std::int64_t data_parallel_size = 1;
  std::int64_t decode_context_parallel_size = 1;
  bool enable_expert_parallel = false;
  std::int64_t max_model_len = 0;           // 0: context
  std::int64_t max_num_seqs = 0;            // 0: the version's default for this GPU, at least `sequences`
  std::int64_t max_num_batched_tokens = 0;  // 0: the version's default for this GPU
  std::optional<bool> enable_chunked_prefill;
  std::int64_t block_size = 0;  // 0: the version's default for this model and GPU
  bool disable_hybrid_kv_cache_manager = false;
  bool enforce_eager = false;
  std::vector<std::int64_t> cudagraph_capture_sizes;  // empty: the version's default
  double cpu_offload_gb = 0;                          // weights of every GPU that stay in RAM, GiB
  double swap_space = 4;                              // V0: RAM for swapped-out cache, GiB a GPU
  bool enable_lora = false;
  std::int64_t max_loras = 1;
  std::int64_t max_lora_rank = 16;
  Speculation speculative_config;
  std::int64_t limit_mm_per_prompt = -1;  // images or clips a prompt; -1: the version's default, 0: text only
  bool skip_mm_profiling = false;
};

// SGLang's own parameter names (python/sglang/srt/server_args.py).
struct SglangOptions {
  double mem_fraction_static = 0;  // 0: by GPU and model, as server_args.py derives it
  std::int64_t tp_size = 0;        // 0: number of GPUs / pp_size
  std::int64_t pp_size = 1;
  std::int64_t dp_size = 1;  // with enable_dp_attention: groups of attention within tp_size
  std::int64_t ep_size = 1;
  bool enable_dp_attention = false;
  std::int64_t context_length = 0;        // 0: context
  std::int64_t chunked_prefill_size = 0;  // 0: by GPU; -1: prompts are not cut
  std::int64_t max_prefill_tokens = 16384;
  std::int64_t max_running_requests = 0;  // 0: what the cache allows
  std::int64_t max_total_tokens = 0;      // 0: what fits
  std::int64_t page_size = 1;
  std::int64_t cuda_graph_max_bs = 0;  // 0: by GPU
  bool disable_cuda_graph = false;
  double swa_full_tokens_ratio = 0.8;
  double mamba_full_memory_ratio = 0.9;
  bool disable_radix_cache = false;
};

// TensorRT-LLM's own parameter names (tensorrt_llm/llmapi/llm_args.py).
struct TensorRtLlmOptions {
  enum class Backend : std::uint8_t { pytorch, tensorrt };
  Backend backend = Backend::pytorch;
  double free_gpu_memory_fraction = 0.9;
  std::int64_t max_tokens = 0;            // 0: what fits; the smaller of both limits holds
  std::int64_t tensor_parallel_size = 0;  // 0: number of GPUs / pipeline_parallel_size
  std::int64_t pipeline_parallel_size = 1;
  std::int64_t moe_expert_parallel_size = 0;  // 0: experts are split by width
  std::int64_t max_batch_size = 2048;
  std::int64_t max_num_tokens = 8192;
  std::int64_t max_seq_len = 0;  // 0: context
  std::int64_t max_beam_width = 1;
  std::int64_t tokens_per_block = 32;
  bool cuda_graph = true;  // cuda_graph_config given, as by default
};

// Hugging Face transformers generate(), in its own names (generation/configuration_utils.py, from_pretrained).
struct TransformersOptions {
  enum class AttnImplementation : std::uint8_t { eager, sdpa, flash_attention_2 };
  enum class CacheImplementation : std::uint8_t { dynamic_cache, static_cache, offloaded, offloaded_static, quantized };
  enum class DeviceMap : std::uint8_t { automatic, balanced, balanced_low_0, sequential };
  int version = 457;  // major * 100 + minor: rules changed in 4.45, 4.48 and 4.56
  AttnImplementation attn_implementation = AttnImplementation::sdpa;
  CacheImplementation cache_implementation = CacheImplementation::dynamic_cache;
  std::int64_t num_beams = 1;
  std::int64_t num_return_sequences = 1;  // rows per prompt when sampling; with beams at most num_beams
  std::int64_t max_new_tokens = 0;        // of the context; the rest is prompt. 0: all of the context may be prompt
  std::int64_t prefill_chunk_size = 0;    // tokens of the prompt at a time; 0: all at once
  bool logits_of_whole_prompt = false;    // always so before 4.45
  std::int64_t nbits = 4;                 // quantized cache (QuantoQuantizedCache, HQQQuantizedCache)
  std::int64_t q_group_size = 64;
  std::int64_t residual_length = 128;
  DeviceMap device_map = DeviceMap::automatic;
  double max_memory_gib = 0;     // of each GPU, for weights; 0: what is free
  double cpu_memory_gib = 0;     // max_memory["cpu"]; 0: nothing is offloaded
  bool offload_to_disk = false;  // offload_folder: what fits neither GPU nor CPU
};

// mlx-lm on Apple silicon, in the names of mlx_lm.generate and mlx_lm.server.
struct MlxOptions {
  std::int64_t max_kv_size = 0;  // a rotating cache of so many tokens; 0: all of the context
  std::int64_t kv_bits = 0;      // quantized cache: 2, 3, 4, 6 or 8 bits; 0: none
  std::int64_t kv_group_size = 64;
  std::int64_t prefill_step_size = 2048;
};

// ExLlamaV2 and ExLlamaV3, in their own names.
struct ExLlamaOptions {
  int generation = 2;                  // 2 or 3: an engine each
  std::int64_t max_seq_len = 0;        // tokens the cache is laid out for; 0: context x sequences
  std::int64_t max_chunk_size = 2048;  // tokens of a prompt at a time (max_input_len)
  std::int64_t k_bits = 16;            // 16: FP16. ExLlamaV2: 8 (Q8, Q6) or 4; ExLlamaV3: 2 to 8
  std::int64_t v_bits = 16;
  bool flash_attn = true;
};

using EngineOptions = std::variant<IdealOptions, LlamaCppOptions, VllmOptions, TransformersOptions, SglangOptions,
                                   TensorRtLlmOptions, MlxOptions, ExLlamaOptions>;

struct LlmRequest {
  const Model* model = nullptr;  // not owned, never null
  WeightFormat weights;
  const TensorType* type_k = nullptr;  // KV cache types, never null
  const TensorType* type_v = nullptr;
  std::int64_t context = 0;    // tokens per sequence, >= 1
  std::int64_t sequences = 1;  // concurrent sequences, >= 1
  EngineOptions engine;
  Machine machine;
  OverheadProfile profile;
  std::span<const Residual> residuals = built_in_residuals();  // not owned
};

// One named figure in the engine's own terms, e.g. {"kv_tokens", 93872, "tokens"}.
struct Figure {
  std::string_view name;
  double number = 0;
  std::string_view unit;  // "bytes", "tokens", "cells", "requests", ""
  double low = 0;         // bounds where the figure is estimated; both 0: exact
  double high = 0;
};

struct LlmEstimate {
  Ledger ledger;
  std::vector<Figure> figures;
  std::vector<Warning> warnings;
};

// The options with every default filled in, as the engine would have them. Same variant alternative as
// `request.engine`.
EngineOptions effective_options(const LlmRequest& request);

// The ledger of this request. Errors name what the engine itself would refuse (path relative to the request).
Result<LlmEstimate> estimate(const LlmRequest& request);
// The same, for many requests on one model.
Result<LlmEstimate> estimate(const LlmRequest& request, EstimateMemo& memo);

// The engines, one file each in src/llm/engines/.
std::string_view name_of(const EngineOptions& engine);          // "llama.cpp"
std::string_view checked_against(const EngineOptions& engine);  // version the rules were checked against

// Building blocks shared by the engines (src/llm/).

// Cached elements per token of one layer, K and V apart, before any window. MLA: all in k.
struct KvWidth {
  std::int64_t k = 0;
  std::int64_t v = 0;
};
KvWidth kv_width(const Layer& layer);
// Bytes per token over all layers that keep the whole context / only a window, for figures and tables.
double kv_bytes_per_token_full(const Model& model, const TensorType& k, const TensorType& v);
double kv_bytes_per_token_windowed(const Model& model, const TensorType& k, const TensorType& v);
// Recurrent and convolution state of all layers, elements per sequence.
std::int64_t state_elements(const Model& model);
std::int64_t conv_elements(const Model& model);
// Bytes of all tensors of `part` under the format.
Bytes weight_bytes(const Model& model, const WeightFormat& format, Part part);

// Capacity of one GPU for our ledger: what the driver reports.
Bytes capacity_bytes(const Machine& machine);

// The verdict over every GPU of the machine.
struct Fit {
  enum class Verdict : std::uint8_t { fits, tight, does_not_fit };  // tight: expected fits, `high` does not
  Verdict verdict = Verdict::fits;
  Bytes headroom_bytes = 0;  // capacity - expected peak on the fullest GPU; negative when it does not fit
  int first_entry = -1;      // index of the first entry, in ledger order, that no longer fits; -1: all fit
  Device device;             // the fullest GPU
};
Fit check_fit(const Ledger& ledger, const Machine& machine);

}  // namespace vram
