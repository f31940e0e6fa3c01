// Which layers of a GGUF look at a window. Source: llama.cpp v0.5.0 src/models/*.cpp (load_arch_hparams) and
// src/llama-hparams.cpp (set_swa_pattern).
#include <algorithm>

#include "read/gguf/model.hpp"
#include "read/keys.hpp"

namespace vram::read {
namespace {

struct Pattern {
  std::string_view architecture;
  std::int64_t period;              // one full layer in so many
  bool full_first = false;          // it is the first of them, not the last
  std::int64_t default_window = 0;  // without the key; 0: then no layer has a window
  Span span = Span::sliding;
};

constexpr Pattern kPatterns[] = {
    {"afmoe", 4},
    {"cohere2", 4},
    {"cohere2moe", 4, true},
    {"exaone4", 4},
    {"exaone-moe", 4},
    {"gemma-embedding", 6},
    {"gemma2", 2, false, 4096},
    {"gemma3", 6},
    {"gemma3n", 5},
    {"gpt-oss", 2},
    {"laguna", 4, true},
    {"llama4", 4, false, 8192, Span::chunked},
    {"mellum", 4},
    {"modern-bert", 3, true},
    {"muse-glimmer", 4},
    {"olmo2", 4},
    {"plamo3", 8},
    {"smallthinker", 4, true},
};

}  // namespace

std::vector<LayerWindow> windows_of(const std::string& architecture, const Hyperparameters& hp, std::size_t layers) {
  std::vector<LayerWindow> windows(layers);
  Pattern pattern{architecture, 0};
  for (const Pattern& row : kPatterns) {
    if (row.architecture == architecture) pattern = row;
  }
  // The 32B model only: the smaller ones see everything.
  if (architecture == "exaone4") pattern.default_window = layers == 64 ? 4096 : 0;
  const std::int64_t window = hp.number("attention.sliding_window", 0, kMaxPositions, pattern.default_window);
  if (window == 0 || (architecture == "exaone4" && layers != 64)) return windows;
  const Json* stated = hp.find("attention.sliding_window_pattern");
  if (stated != nullptr && stated->is_array()) {
    for (std::size_t i = 0; i < layers && i < stated->size(); ++i) {
      const Json& on = (*stated)[i];
      if (on == true || (on.is_number() && on != 0)) windows[i] = {pattern.span, window};
    }
    return windows;
  }
  const std::int64_t period = hp.number("attention.sliding_window_pattern", 0, kMaxLayers, pattern.period);
  for (std::size_t i = 0; i < layers; ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const bool full = period > 0 && (pattern.full_first ? index % period == 0 : index % period == period - 1);
    if (!full) windows[i] = {pattern.span, window};
  }
  return windows;
}

}  // namespace vram::read
