// Activations of one layer in training: what it keeps for the backward pass, and what it needs while it runs.
#pragma once

#include "training/autograd.hpp"
#include "vram/training.hpp"

namespace vram {

// What is done with a matrix.
enum class Touch : std::uint8_t { frozen, trained, adapted };

struct TrainingShape {
  std::int64_t rows = 1;
  std::int64_t tokens = 1;  // per row
  std::int64_t hidden = 0;
  Bytes element = 2;          // of activations
  Bytes adapter_element = 4;  // in which an adapter reads its input; the same as `element`: no copy
  std::int64_t rank = 0;
  bool unpacks = false;  // frozen matrices are unpacked to 16 bits while they are used
  const TrainingOptions* options = nullptr;
};

// `role`: the matrices q_proj .. down_proj by their role in the model.
Touch touch_of(const TrainingOptions& options, Role role);

Autograd::Profile layer_profile(const TrainingShape& shape, const Layer& layer);
// Last norm, head and loss over all tokens. `head_trained`: lm_head gets a gradient.
Autograd::Profile head_profile(const TrainingShape& shape, std::int64_t vocab_size, bool head_trained);

}  // namespace vram
