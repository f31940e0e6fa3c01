#include "llm/engines/llama_cpp/settings.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace vram::llama_cpp {
namespace {

constexpr std::int64_t kCellPadding = 256;                 // GGML_PAD(n_ctx, 256)
constexpr std::int64_t kMaxSequences = 256;                // LLAMA_MAX_SEQ
constexpr std::int64_t kMaxCells = std::int64_t{1} << 32;  // n_ctx is a uint32_t

constexpr std::array<std::string_view, 9> kCacheTypes = {"f32",  "f16",  "bf16", "q8_0",  "q4_0",
                                                         "q4_1", "q5_0", "q5_1", "iq4_nl"};

bool is_cache_type(const TensorType& type) {
  return std::find(kCacheTypes.begin(), kCacheTypes.end(), type.id) != kCacheTypes.end();
}

std::optional<Error> refused_cache(const TensorType& type, std::int64_t head_dim, std::string_view path) {
  if (!is_cache_type(type)) {
    return Error{std::string(path), "llama.cpp has no KV cache of this type", '"' + std::string(type.id) + '"',
                 "f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1 or iq4_nl"};
  }
  if (head_dim % type.block_elements != 0) {
    return Error{std::string(path), "this cache type needs a head size that is a multiple of its block size",
                 '"' + std::string(type.id) + '"',
                 "a type whose block divides " + std::to_string(head_dim) + ", such as f16"};
  }
  return std::nullopt;
}

// Cells of all slots, as the program asks for them. Ollama: llm/llama_server.go, num_ctx is one slot's; KoboldCpp:
// gpttype_adapter.cpp, extra_context_handle_fragmentation.
std::int64_t asked_cells(const LlmRequest& request, const LlamaCppOptions& options, std::int64_t n_seq) {
  using Program = LlamaCppOptions::Program;
  if (options.program == Program::ollama && options.n_ctx > 0) return mul(options.n_ctx, n_seq);
  const std::int64_t cells = options.n_ctx > 0 ? options.n_ctx : mul(request.context, request.sequences);
  return options.program == Program::koboldcpp ? add(cells, 128) : cells;
}

// Ollama (fb30760) server/sched.go, generationBatchForContext: where the larger batch fits with room to spare.
std::int64_t batch_for(std::int64_t cells, bool flash_attn) {
  if (!flash_attn || cells <= 4096) return 512;
  return cells <= 32768 ? 1024 : 2048;
}

}  // namespace

Settings settle(const LlmRequest& request, const LlamaCppOptions& options) {
  const auto layers = static_cast<std::int64_t>(request.model->layers.size());
  Settings s;
  s.n_seq = std::clamp<std::int64_t>(options.n_seq_max > 0 ? options.n_seq_max : request.sequences, 1, kMaxSequences);
  const std::int64_t asked = std::min(asked_cells(request, options, s.n_seq), kMaxCells);
  s.flash_attn = options.flash_attn ? *options.flash_attn : has_flash_kernels(*request.model);
  s.kv_unified = options.kv_unified;
  s.swa_full = options.swa_full;
  s.offload_kqv = options.offload_kqv;
  s.op_offload = options.op_offload;
  s.one_gpu = options.split_mode == LlamaCppOptions::SplitMode::none;
  s.main_gpu = options.main_gpu;
  s.tensor_split = options.tensor_split;
  s.type_k = request.type_k;
  s.type_v = request.type_v;
  const std::int64_t n_batch = options.n_batch > 0 ? options.n_batch : batch_for(asked, s.flash_attn);
  s.n_batch = request.model->causal ? std::min(asked, n_batch) : n_batch;
  s.n_ubatch = std::min(s.n_batch, options.n_ubatch == 0 ? n_batch : options.n_ubatch);
  const std::int64_t n_outputs_max = options.n_outputs_max > 0   ? options.n_outputs_max
                                     : options.n_outputs_max < 0 ? s.n_seq
                                                                 : s.n_batch;
  s.n_ctx = round_up(asked, kCellPadding);
  s.n_stream = s.kv_unified ? 1 : s.n_seq;
  s.n_ctx_seq = s.kv_unified ? s.n_ctx : round_up(std::max<std::int64_t>(s.n_ctx / s.n_seq, 1), kCellPadding);
  s.n_ctx = s.n_ctx_seq * s.n_stream;
  const std::int64_t n_tokens = std::min(s.n_ctx, s.n_ubatch);
  s.n_outputs = std::min(n_tokens, n_outputs_max);
  s.n_tokens = round_up(n_tokens, s.n_seq);
  s.n_gpu_layers = options.n_gpu_layers < 0 ? layers + 1 : std::min(options.n_gpu_layers, layers + 1);
  s.n_cpu_moe = options.n_cpu_moe < 0 ? layers : std::min(options.n_cpu_moe, layers);
  return s;
}

std::optional<Error> refused(const LlmRequest& request, const LlamaCppOptions& options) {
  const Model& model = *request.model;
  if (model.gguf_arch.empty() && model.model_type != "manual") {
    return Error{"/engine/name", "llama.cpp has no architecture for " + model.model_type + " models", "\"llama.cpp\"",
                 "vllm, transformers or ideal"};
  }
  if (request.weights.scheme != WeightFormat::Scheme::gguf && request.weights.id != "fp16" &&
      request.weights.id != "bf16" && request.weights.id != "fp32") {
    return Error{"/weights", "llama.cpp reads GGUF files; there is no such file type",
                 '"' + std::string(request.weights.id) + '"', "a GGUF file type such as q4_k_m, q8_0 or fp16"};
  }
  const std::int64_t n_seq = options.n_seq_max > 0 ? options.n_seq_max : request.sequences;
  const std::string path = options.n_seq_max > 0 ? "/engine/n_seq_max" : "/sequences";
  if (n_seq > kMaxSequences) {
    return Error{path, "llama.cpp takes at most 256 sequences", std::to_string(n_seq), "1 to 256"};
  }
  if (options.n_outputs_max > 0 && options.n_outputs_max < n_seq) {
    return Error{"/engine/n_outputs_max", "llama.cpp needs an output for every sequence",
                 std::to_string(options.n_outputs_max), std::to_string(n_seq) + " or more"};
  }
  if ((options.n_ctx > 0 ? options.n_ctx : mul(request.context, request.sequences)) > kMaxCells) {
    return Error{options.n_ctx > 0 ? "/engine/n_ctx" : "/context", "llama.cpp counts cells in 32 bits",
                 std::to_string(options.n_ctx > 0 ? options.n_ctx : request.context),
                 "at most 4294967296 cells over all sequences"};
  }
  if (options.split_mode == LlamaCppOptions::SplitMode::none && options.main_gpu >= request.machine.count) {
    return Error{"/engine/main_gpu", "there is no such GPU in this machine", std::to_string(options.main_gpu),
                 "0 to " + std::to_string(request.machine.count - 1)};
  }
  if (options.tensor_split.size() > static_cast<std::size_t>(request.machine.count)) {
    return Error{"/engine/tensor_split", "more shares than GPUs", std::to_string(options.tensor_split.size()),
                 "at most " + std::to_string(request.machine.count) + " shares"};
  }
  if (request.type_v->block_elements > 1 && !(options.flash_attn ? *options.flash_attn : has_flash_kernels(model))) {
    return Error{"/kv_cache/v", "a quantized V cache needs flash attention",
                 '"' + std::string(request.type_v->id) + '"', "f16, or flash_attn true"};
  }
  for (const Layer& layer : model.layers) {
    std::int64_t k = 0, v = 0;
    if (layer.attention) {
      k = layer.attention->head_dim;
      v = layer.attention->v_head_dim;
    } else if (layer.latent) {
      k = layer.latent->kv_lora_rank + layer.latent->qk_rope_head_dim;
      v = layer.latent->kv_lora_rank;
    } else {
      continue;
    }
    if (std::optional<Error> error = refused_cache(*request.type_k, k, "/kv_cache/k")) return error;
    if (std::optional<Error> error = refused_cache(*request.type_v, v, "/kv_cache/v")) return error;
    break;
  }
  return std::nullopt;
}

std::int64_t window_cells(const Settings& s, std::int64_t window) {
  if (s.swa_full) return s.n_ctx_seq;
  const std::int64_t wanted = add(mul(window, s.kv_unified ? s.n_seq : 1), s.n_ubatch);
  return round_up(std::min(s.n_ctx_seq, wanted), kCellPadding);
}

bool honours_window(const Model& model) {
  static constexpr std::array<std::string_view, 24> kArchitectures = {
      "afmoe",  "cohere2", "cohere2moe", "deepseek4", "dots3note",   "exaone4", "exaone-moe",   "gemma2",
      "gemma3", "gemma3n", "gemma4",     "gpt-oss",   "granite-swa", "laguna",  "lfm2",         "lfm2moe",
      "llama4", "maple",   "mellum",     "mimo2",     "olmo2",       "plamo3",  "smallthinker", "step35"};
  return std::find(kArchitectures.begin(), kArchitectures.end(), model.gguf_arch) != kArchitectures.end();
}

}  // namespace vram::llama_cpp
