// mrpid12org/imageworks, src/imageworks/tools/vram_estimator.py at 693a830: every term, the overhead included, is
// multiplied by the fragmentation factor; nothing in it knows the engine, the window of a layer or the GPU.
#include "vram/bytes.hpp"
#include "vram/reference.hpp"

namespace vram {

ImageWorksEstimate imageworks(const ImageWorksRequest& request) {
  const double gib = static_cast<double>(kGiB);
  const double tokens = static_cast<double>(request.context_tokens) * static_cast<double>(request.batch);
  ImageWorksEstimate result;
  result.weights_gib = request.parameters_billion * 1e9 * request.bytes_per_parameter / gib;
  result.kv_cache_gib = 2 * static_cast<double>(request.num_layers) * static_cast<double>(request.num_key_value_heads) *
                        static_cast<double>(request.head_dim) * request.kv_bytes_per_element * tokens / gib;
  result.overhead_gib = request.overhead_gib;
  result.vision_tower_gib = request.vision_tower_gib;
  result.total_gib = (result.weights_gib + result.kv_cache_gib + result.overhead_gib + result.vision_tower_gib) *
                     request.fragmentation_factor;
  return result;
}

}  // namespace vram
