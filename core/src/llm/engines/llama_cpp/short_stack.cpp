#include "llm/engines/llama_cpp/short_stack.hpp"

#include <algorithm>

namespace vram::llama_cpp {
namespace {

constexpr std::size_t kLongestPeriod = 8;  // Gemma 3: five windowed layers, then a full one
constexpr std::size_t kLongestPrefix = 8;  // DeepSeek V3: three dense layers first
constexpr std::size_t kPeriodsKept = 3;
constexpr std::size_t kLayersKept = 6;
constexpr std::size_t kStep = 4;  // layers are left out in multiples of this many periods, so that the phase stays

// Where layers begin to repeat every `period` layers until the end; layers.size() when they never do.
std::size_t repeating_from(const std::vector<Layer>& layers, std::size_t period) {
  std::size_t start = layers.size() > period ? layers.size() - period : 0;
  while (start > 0 && layers[start - 1] == layers[start - 1 + period]) --start;
  return start;
}

bool plain(const Model& model) {
  return model.gguf_arch != "gemma3n" && std::all_of(model.layers.begin(), model.layers.end(), [](const Layer& layer) {
           return (layer.attention.has_value() || layer.latent.has_value()) && !layer.state && !layer.compressed;
         });
}

}  // namespace

std::optional<Model> short_stack(const Model& model, const Settings& settings, const Placement& placement) {
  const std::size_t layers = model.layers.size();
  const bool everything = settings.n_gpu_layers > static_cast<std::int64_t>(layers);
  if (placement.gpus != 1 || !everything || !settings.offload_kqv || settings.n_cpu_moe > 0 || !plain(model)) return {};
  for (std::size_t period = 1; period <= kLongestPeriod; ++period) {
    const std::size_t start = repeating_from(model.layers, period);
    if (start > kLongestPrefix) continue;
    const std::size_t keep = start + std::max(kPeriodsKept * period, kLayersKept);
    const std::size_t step = kStep * period;
    if (layers < keep + step) return {};
    const std::size_t dropped = (layers - keep) / step * step;
    Model shorter;
    shorter.gguf_arch = model.gguf_arch;
    shorter.hidden_size = model.hidden_size;
    shorter.vocab_size = model.vocab_size;
    shorter.max_position_embeddings = model.max_position_embeddings;
    shorter.tie_word_embeddings = model.tie_word_embeddings;
    shorter.parallel_residual = model.parallel_residual;
    shorter.causal = model.causal;
    shorter.layers.assign(model.layers.begin(), model.layers.begin() + static_cast<std::ptrdiff_t>(layers - dropped));
    return shorter;
  }
  return {};
}

}  // namespace vram::llama_cpp
