// What a training request asks for, read and checked. Internal to api/.
#pragma once

#include "api/request.hpp"
#include "vram/training.hpp"

namespace vram {

struct TrainingAsked {
  TrainingAsked() = default;
  TrainingAsked(const TrainingAsked&) = delete;  // training.model points into this object
  TrainingAsked& operator=(const TrainingAsked&) = delete;

  Model model;
  TrainingRequest training;
  bool has_gpu = false;
  Profiles profiles;
  CallerRows rows;
  bool max_micro_batch_size = false, max_sequence_length = false, max_lora_rank = false;
  bool techniques = false, models = false;
};

void read_training(const Json& json, TrainingAsked& asked);

}  // namespace vram
