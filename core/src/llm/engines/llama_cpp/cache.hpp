// The KV cache and the recurrent state, layer by layer.
// Source: llama.cpp v0.5.0 (de3ff81), src/llama-kv-cache.cpp, src/llama-kv-cache-iswa.cpp,
// src/llama-memory-recurrent.cpp, src/llama-hparams.cpp (n_embd_r, n_embd_s), src/llama-model.cpp (create_memory).
#pragma once

#include "llm/engines/llama_cpp/settings.hpp"

namespace vram::llama_cpp {

struct CacheBytes {
  Bytes full = 0;    // layers that keep the whole context
  Bytes window = 0;  // layers that keep a window, in a cache of their own
  Bytes state = 0;   // recurrent and convolution state, F32
  Bytes index = 0;   // keys of a sparse indexer
};
// What one layer keeps for the whole run. A GPU's buffer pads quantized rows to 512 elements and tensors to 128 bytes.
CacheBytes cache_of(const Model& model, const Layer& layer, const Settings& settings, bool on_gpu);

// Encoders keep nothing: they are run once over their input.
bool has_cache(const Model& model);

}  // namespace vram::llama_cpp
