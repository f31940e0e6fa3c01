// The cache objects of Hugging Face transformers, layer by layer. Internal to the transformers engine.
#pragma once

#include "vram/llm.hpp"

namespace vram {

// One layer's cache for all rows, in bytes.
struct LayerCache {
  Bytes at_prefill = 0;  // while the prompt runs, and until the next token
  Bytes at_decode = 0;   // while tokens are generated
  Bytes k = 0;           // of at_decode: the keys, which growing holds twice
  Bytes plain = 0;       // keys and values of this layer in the compute type
  Bytes state = 0;       // recurrent and convolution state
  bool sliding = false;
};

LayerCache layer_cache(const LlmRequest& request, const TransformersOptions& options, const Layer& layer,
                       std::int64_t rows);

}  // namespace vram
