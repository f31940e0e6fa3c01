// The prefill of Hugging Face transformers, operation by operation. Internal to the transformers engine.
#pragma once

#include "vram/llm.hpp"
#include "vram/tape.hpp"

namespace vram {

// A whole prompt through one layer: `rows` sequences (beams included) of `tokens` tokens.
struct Prefill {
  std::int64_t rows = 1;
  std::int64_t tokens = 1;
  std::int64_t hidden = 0;
  Bytes element = 2;  // bytes of the compute type
  TransformersOptions::AttnImplementation attention = TransformersOptions::AttnImplementation::sdpa;
  std::int64_t keys = 0;     // tokens the attention looks at; 0: as many as `tokens`
  bool repeats_keys = true;  // SDPA reads keys and values repeated to the query heads
  bool masked = false;       // SDPA is given a mask (prompts of unequal length)
};
Tape prefill_tape(const Prefill& prefill, const Layer& layer);

// The head: logits of the last token of each row, or of every token and then in 32 bits (before 4.45).
Tape logits_tape(const Prefill& prefill, std::int64_t vocab_size, bool whole_prompt);

}  // namespace vram
