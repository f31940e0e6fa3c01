// What is trained, and what each trained weight costs beside itself: gradients, the optimizer's state, copies.
#pragma once

#include <vector>

#include "vram/training.hpp"

namespace vram {

// One part of the model that is used at once: the embeddings, a layer, the head. Bytes on a machine of one GPU.
struct Section {
  Bytes frozen = 0;   // weights as they are stored
  Bytes trained = 0;  // weights that get a gradient
  Bytes adapters = 0;
  Bytes master = 0;  // 32-bit copies of trained weights
  Bytes gradients = 0;
  Bytes optimizer = 0;
  Bytes optimizer_least = 0;    // 8-bit states of embeddings too: transformers' Trainer keeps those in 32 bits
  Bytes step = 0;               // what the optimizer's step needs beside its state
  Bytes gathered = 0;           // all its weights as they are computed with
  std::int64_t parameters = 0;  // trained
};

struct Sections {
  Section embeddings;
  std::vector<Section> layers;
  Section head;  // last norm and lm_head
  Section towers;
};

Sections sections_of(const TrainingRequest& request);

Section total(const Sections& sections);

}  // namespace vram
