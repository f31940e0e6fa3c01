// What the engines share: who pays for what of a layer. Internal to llm/.
#pragma once

#include <vector>

#include "vram/llm.hpp"

namespace vram {

// One of each kind among the layers first..last-1, as far as the size of their activations goes.
std::vector<const Layer*> distinct_layers(const Model& model, std::int64_t first, std::int64_t last);

// Tokens per sequence that the cache of this layer holds when it keeps no more than it needs:
// context for full layers, the window for sliding and chunked ones, cross_tokens for cross attention, 0 without a
// cache.
std::int64_t cached_tokens(const Layer& layer, std::int64_t context);

// Bytes of the cache of one layer at that tightest length, over all sequences: keys, values, and the keys of a sparse
// indexer (in the type of k, as the engines without a format of their own for them keep it).
Bytes tight_cache_bytes(const Layer& layer, const TensorType& k, const TensorType& v, std::int64_t context,
                        std::int64_t sequences);

// Bytes of one tensor, models known only by their size included: those take the format's nominal bits per weight.
Bytes stored_bytes(const WeightFormat& format, const Model& model, const Tensor& tensor);

// Bytes per element of the checkpoint's own 16/32-bit type: 2 or 4.
int compute_bytes(const Model& model);

// Layers that are mixture-of-experts? True when any is.
bool has_experts(const Model& model);

// Adds what every process pays: display, context, framework, fragmentation. See overhead.cpp.
void add_overheads(const LlmRequest& request, LlmEstimate& estimate);

// Gives the figures of what is left for a server's cache their bounds. See left.cpp.
void bound_what_is_left(const LlmRequest& request, LlmEstimate& estimate);

// Share of GPU memory that is gone on GPU `index` before the engine's own budget starts.
Interval display_bytes(const OverheadProfile& profile, int index);

}  // namespace vram
