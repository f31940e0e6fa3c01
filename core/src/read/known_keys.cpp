#include "read/known_keys.hpp"

#include <algorithm>

namespace vram::read {
namespace {

// Parts of names that speak of shapes or caches.
constexpr std::string_view kParts[] = {
    "_layers", "_heads", "_dim", "_size", "_interval", "_period", "_pattern", "_rank", "experts", "window",
    "sliding", "cache", "kv", "layer_types", "block_configs", "mtp", "sparse_attention",
};
constexpr std::string_view kStarts[] = {"num_", "n_"};

// Sorted. They match above, and change neither weights nor caches (or are stated twice).
constexpr std::string_view kIrrelevant[] = {
    "_sliding_window_pattern", "add_cross_attention", "attn_res_block_size", "cache_implementation", "chunk_size",
    "chunk_size_feed_forward", "classifier_proj_size", "codebook_size", "context_window_size", "conv_dim",
    "conv_dim_out", "cross_attention_hidden_size", "dim_model_base", "block_dim",
};

}  // namespace

bool looks_structural(std::string_view key) {
  if (std::find(std::begin(kIrrelevant), std::end(kIrrelevant), key) != std::end(kIrrelevant)) return false;
  for (const std::string_view start : kStarts) {
    if (key.starts_with(start)) return true;
  }
  for (const std::string_view part : kParts) {
    if (key.find(part) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace vram::read
