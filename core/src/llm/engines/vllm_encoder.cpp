// The profile run of towers. vLLM 0.11: vllm/v1/worker/gpu_model_runner.py (profile_run: as many items of the largest
// size as max_num_batched_tokens hold, at least one), vllm/multimodal/registry.py,
// vllm/v1/core/encoder_cache_manager.py (compute_encoder_budget); the largest items: processors of Qwen2-VL to Qwen3-VL
// (16384 tokens an image).
#include <algorithm>

#include "llm/engines/vllm_activations.hpp"
#include "llm/parts.hpp"

namespace vram {
namespace {

constexpr std::int64_t kLargestImage = 16384;   // tokens, where the image size is free
constexpr std::int64_t kLargestVideo = 153600;  // tokens: what Qwen3-VL's profile run printed
constexpr std::int64_t kWidestPooling = 16;     // patches a token (Gemma 3), where the tensors do not say

// A tower as far as its tensors tell.
struct Tower {
  std::int64_t hidden = 0;
  std::int64_t intermediate = 0;
  std::int64_t patches = 0;  // of an image of fixed size; 0: free
  std::int64_t merged = 1;   // patches a token, as the projector takes them
  bool gated = false;
};

Tower tower_of(const Model& model) {
  Tower tower;
  std::int64_t blocks = 0;
  for (const Tensor& t : model.tensors) {
    if (t.part != Part::tower || t.role != Role::matrix || t.is_1d()) continue;
    blocks = std::max(blocks, t.count);
  }
  if (blocks < 2) return tower;
  for (const Tensor& t : model.tensors) {
    if (t.part == Part::tower && t.role == Role::position_embd && tower.patches == 0) tower.patches = t.ne1;
    if (t.part != Part::tower || t.role != Role::matrix || t.is_1d() || t.count < 2) continue;
    if (tower.hidden == 0) tower.hidden = t.ne0;  // queries, keys and values come first
    if (t.ne0 == tower.hidden && t.ne1 >= tower.intermediate) {
      tower.intermediate = t.ne1;
      tower.gated = t.count % 2 == 0 && t.count >= 2 * blocks / 3;
    }
  }
  for (const Tensor& t : model.tensors) {
    if (t.part != Part::projector || t.is_1d() || tower.hidden == 0) continue;
    if (t.ne0 > tower.hidden && t.ne0 % tower.hidden == 0) tower.merged = std::max(tower.merged, t.ne0 / tower.hidden);
    break;
  }
  return tower;
}

// One block on one of `ranks`: residual and normed input, then either queries, keys and values with their rotated
// copies and the result, or the feed-forward.
Bytes block_peak(const Tower& t, std::int64_t patches, std::int64_t ranks) {
  const std::int64_t attention = add(mul(2, t.hidden), ceil_div(mul(6, t.hidden), ranks));
  const std::int64_t ffn = add(mul(2, t.hidden), ceil_div(mul(t.gated ? 3 : 2, t.intermediate), ranks));
  return product({patches, std::max(attention, ffn), 2});
}

// Keys that one image leaves in cross-attention layers; 0 without such layers.
std::int64_t cross_tokens(const Model& model) {
  for (const Layer& layer : model.layers) {
    if (layer.attention && layer.attention->span == Span::cross) return layer.attention->cross_tokens;
  }
  return 0;
}

}  // namespace

EncoderRun encoder_run(const Model& model, const VllmRules& rules, const VllmOptions& o) {
  EncoderRun run;
  const Tower tower = tower_of(model);
  const bool text_only = o.limit_mm_per_prompt == 0;
  if (tower.hidden == 0 || o.skip_mm_profiling || text_only) return run;
  const std::int64_t ranks = o.tensor_parallel_size;
  if (const std::int64_t keys = cross_tokens(model); keys > 0) {
    // Images stand beside the text (Llama 3.2 Vision): one for every sequence, with the features of several depths that
    // the projector takes.
    const std::int64_t patches = mul(keys, o.max_num_seqs);
    const Bytes features = product({patches, mul(tower.merged, tower.hidden), 2});
    const Bytes peak = add(block_peak(tower, patches, ranks), features);
    run.peak = {peak / 2, peak, add(peak, peak / 3)};
    return run;
  }
  const bool free_size = tower.patches == 0 || tower.merged > 1;
  // V0 profiled as many items as fit into the batch, V1 at least one.
  const std::int64_t tokens = std::max(o.max_num_batched_tokens, free_size && rules.v1 ? kLargestImage : 0);
  const std::int64_t most = free_size ? std::max(tokens, rules.v1 ? kLargestVideo : 0) : tokens;
  const std::int64_t least = free_size ? std::min<std::int64_t>(o.max_num_batched_tokens, 1024) : 0;
  run.peak = {block_peak(tower, mul(least, tower.merged), ranks), block_peak(tower, mul(tokens, tower.merged), ranks),
              block_peak(tower, mul(most, free_size ? tower.merged : kWidestPooling), ranks)};
  run.outputs = {0, product({tokens, model.hidden_size, 2}), product({most, model.hidden_size, free_size ? 4 : 8})};
  return run;
}

}  // namespace vram
