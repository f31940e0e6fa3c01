#include "read/known_keys.hpp"

#include <algorithm>

namespace vram::read {
namespace {

// Parts of names that speak of shapes or caches.
constexpr std::string_view kParts[] = {
    "_layers",  "_heads",      "_dim",          "_size",  "_interval",        "_period",
    "_pattern", "_rank",       "experts",       "window", "sliding",          "cache",
    "kv",       "layer_types", "block_configs", "mtp",    "sparse_attention",
};
constexpr std::string_view kStarts[] = {"num_", "n_"};

// They match above, and change neither weights nor caches.
constexpr std::string_view kIrrelevant[] = {
    // running and generating
    "use_cache",
    "cache_implementation",
    "num_beams",
    "num_beam_groups",
    "num_return_sequences",
    "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size",
    "num_logits_to_keep",
    "chunk_size_feed_forward",
    "chunk_size",
    "mamba_chunk_size",
    "prefill_chunk_size",
    "context_window_size",
    "ep_size",
    "max_batch_size",
    "model_size",
    "num_labels",
    "_num_labels",
    "pretraining_tp",
    "n_special",
    "pad_vocab_size_multiple",
    "attention_sink_size",
    "index_share_for_mtp_iteration",
    "max_window_layers",
    "_sliding_window_pattern",
    "sliding_window_attention_size",
    "global_local_attention_pattern",
    // rotary embedding, scaling, routing and training
    "rotary_dim",
    "n_group",
    "num_expert_group",
    "dim_model_base",
    "activation_sparsity_pattern",
    "attn_res_block_size",
    "time_step_rank",
    // stated twice, or dead in the family's code
    "qk_head_dim",
    "block_dim",
    "conv_dim",
    "conv_dim_out",
    "cross_attention_hidden_size",
    "add_cross_attention",
    "classifier_proj_size",
    "pooler_fc_size",
    "pooler_num_attention_heads",
    "pooler_num_fc_layers",
    "pooler_size_per_head",
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
