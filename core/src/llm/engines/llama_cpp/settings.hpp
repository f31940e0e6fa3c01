// What llama.cpp makes of the parameters it is given, before anything is allocated.
// Source: llama.cpp v0.5.0 (de3ff81), src/llama-context.cpp (constructor and sched_reserve).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "vram/llm.hpp"

namespace vram::llama_cpp {

struct Settings {
  std::int64_t n_ctx = 0;      // cells of all streams
  std::int64_t n_ctx_seq = 0;  // cells of one stream, a multiple of 256
  std::int64_t n_stream = 1;
  std::int64_t n_seq = 1;
  std::int64_t n_batch = 0;
  std::int64_t n_ubatch = 0;
  std::int64_t n_tokens = 0;      // of the worst-case graph: n_ubatch, rounded up to a multiple of n_seq
  std::int64_t n_outputs = 0;     // rows of logits in the worst-case graph
  std::int64_t n_gpu_layers = 0;  // at most layers + 1
  std::int64_t n_cpu_moe = 0;     // layers whose experts stay in RAM
  bool flash_attn = true;
  bool kv_unified = true;
  bool swa_full = false;
  bool offload_kqv = true;
  bool op_offload = true;
  bool one_gpu = false;  // split_mode none
  std::int64_t main_gpu = 0;
  std::vector<double> tensor_split;  // empty: equal shares
  const TensorType* type_k = nullptr;
  const TensorType* type_v = nullptr;

  friend bool operator==(const Settings&, const Settings&) = default;
};

// `options` with every default filled in.
Settings settle(const LlmRequest& request, const LlamaCppOptions& options);

// What the engine would refuse to start with.
std::optional<Error> refused(const LlmRequest& request, const LlamaCppOptions& options);

// Whether ggml-cuda has flash-attention kernels for all heads of this model. The engine's choice for "auto".
bool has_flash_kernels(const Model& model);

// Cells of the cache of sliding-window layers, per stream.
std::int64_t window_cells(const Settings& settings, std::int64_t window);

// True when this architecture keeps sliding-window layers in a cache of their own. The others ignore the window.
bool honours_window(const Model& model);

}  // namespace vram::llama_cpp
