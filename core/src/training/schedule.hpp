// When activations and gradients are alive in one step, and where the two together are largest.
#pragma once

#include "training/trainable.hpp"

namespace vram {

struct StepPeak {
  Bytes activations = 0;  // largest sum of activations alone
  Bytes joint = 0;        // largest sum of activations and gradients
  Bytes gradients = 0;    // gradients at the end of the backward pass
};

// `gradient_share`: the part of each section's gradients that this GPU keeps, as sections of `sections` divided by N.
StepPeak step_peak(const TrainingRequest& request, const Sections& sections, std::int64_t divide_gradients_by);

}  // namespace vram
