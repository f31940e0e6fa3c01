// Other people's formulas, reproduced as stated, to be shown beside our estimate. Never used inside it.
#pragma once

#include <cstdint>
#include <string_view>

#include "vram/result.hpp"

namespace vram {

// "sd15-analytic": Stable Diffusion 1.5 at fp16, an analytic formula (bytes, printed as GB = 2^30).
struct Sd15Request {
  std::int64_t height = 512;  // 64..16384, multiple of 8
  std::int64_t width = 512;
  std::int64_t prompt_length = 77;  // tokens, 0..100000
  bool optimization = true;         // memory-efficient attention
};
struct Sd15Estimate {
  double predicted_vram_gb = 0;  // rounded to two decimals, like the two below
  std::string_view attention_mode;
  double fixed_cost_gb = 0;
  double spatial_cost_gb = 0;
};
// Errors when a side is not a multiple of 8.
Result<Sd15Estimate> sd15_analytic(const Sd15Request& request);

// "llm-activation-34/10": parameters + activations (34 or 10 per hidden element and layer) + KV cache, decimal GB.
struct ActivationRequest {
  double parameters = 0;
  double bytes_per_parameter = 2;  // 4, 2, 1, 0.5
  std::int64_t batch_size = 1;
  std::int64_t sequence_length = 2048;
  std::int64_t hidden_size = 0;
  std::int64_t num_layers = 0;
  std::int64_t num_key_value_heads = 0;
  std::int64_t head_dim = 0;
  bool flash_attention = true;
};
struct ActivationEstimate {
  double parameters_gb = 0;
  double activations_gb = 0;
  double kv_cache_gb = 0;
  double total_gb = 0;
};
ActivationEstimate llm_activation(const ActivationRequest& request);

// "imageworks": (weights + KV cache + overhead + vision tower) x fragmentation factor, GiB. Its own presets
// (overhead_gib / vision_tower_gib / fragmentation_factor): default 1.5 / 0 / 1.10, ada_16gb 1.6 / 0.5 / 1.12,
// hopper_80gb 2.0 / 1.0 / 1.08, studio_dual 2.5 / 1.0 / 1.15; bytes per parameter: int4 0.55, fp4 0.5.
struct ImageWorksRequest {
  double parameters_billion = 0;
  double bytes_per_parameter = 2;
  std::int64_t num_layers = 0;
  std::int64_t num_key_value_heads = 0;
  std::int64_t head_dim = 0;
  double kv_bytes_per_element = 2;
  std::int64_t context_tokens = 0;
  std::int64_t batch = 1;
  double vision_tower_gib = 0;
  double overhead_gib = 0;
  double fragmentation_factor = 1;
};
struct ImageWorksEstimate {
  double weights_gib = 0;
  double kv_cache_gib = 0;
  double overhead_gib = 0;
  double vision_tower_gib = 0;
  double total_gib = 0;
};
ImageWorksEstimate imageworks(const ImageWorksRequest& request);

}  // namespace vram
