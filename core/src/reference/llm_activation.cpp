// david-xinyuwei/david-share, Deep-Learning/Estimate-Inference-Memory, README "Memory Calculation Formula". The
// README's KV example is ten times its own formula (prints 6.71 GB where the formula gives 0.671): we follow the
// formula. Activations grow with the number of layers there, which they do not in inference.
#include "vram/reference.hpp"

namespace vram {

ActivationEstimate llm_activation(const ActivationRequest& request) {
  const double decimal_gb = 1e9;
  const double tokens = static_cast<double>(request.batch_size) * static_cast<double>(request.sequence_length);
  const double layers = static_cast<double>(request.num_layers);
  const double multiplier = request.flash_attention ? 10 : 34;
  ActivationEstimate result;
  result.parameters_gb = request.parameters * request.bytes_per_parameter / decimal_gb;
  result.activations_gb = tokens * static_cast<double>(request.hidden_size) * layers * multiplier *
                          request.bytes_per_parameter / decimal_gb;
  result.kv_cache_gb = 2 * tokens * layers * static_cast<double>(request.num_key_value_heads) *
                       static_cast<double>(request.head_dim) * request.bytes_per_parameter / decimal_gb;
  result.total_gb = result.parameters_gb + result.activations_gb + result.kv_cache_gb;
  return result;
}

}  // namespace vram
