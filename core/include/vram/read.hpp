// Readers: text in, Model out. No reader guesses: what it does not know it names and refuses.
#pragma once

#include <cstdint>
#include <string_view>

#include "vram/model.hpp"
#include "vram/result.hpp"

namespace vram {

// A Hugging Face config.json. `path` is the JSON pointer that errors are reported under.
Result<Model> read_config(std::string_view json_text, std::string_view path);

// The same model in a file that stores query, key and value of its attention layers as one matrix (GGUF attn_qkv).
void fuse_qkv(Model& model);

// A model known only by its numbers, as people type them.
struct ManualModel {
  double parameters_billion = 0;         // > 0, 1e-6..1e5
  std::int64_t num_hidden_layers = 0;    // 1..10000
  std::int64_t num_key_value_heads = 0;  // 1..4096
  std::int64_t head_dim = 0;             // 1..65536
  std::int64_t num_attention_heads = 0;  // 0: unknown
  std::int64_t hidden_size = 0;          // 0: unknown
  std::int64_t intermediate_size = 0;    // 0: unknown
  std::int64_t vocab_size = 0;           // 0: unknown
  double vision_tower_gib = 0;
  double fragmentation_factor = 1;  // 1..4
};
Model model_from(const ManualModel& manual);

}  // namespace vram
