// Training and fine-tuning with PyTorch: a request in, a ledger out. Hugging Face transformers and PEFT, bitsandbytes,
// DeepSpeed ZeRO and FSDP, in their own words.
#pragma once

#include <string>
#include <vector>

#include "vram/llm.hpp"

namespace vram {

struct TrainingOptions {
  enum class Method : std::uint8_t { full, lora, qlora };
  enum class Optimizer : std::uint8_t {
    sgd,
    sgd_momentum,
    adamw,
    adamw_8bit,
    paged_adamw,
    paged_adamw_8bit,
    adafactor,
    lion,
    lion_8bit
  };
  // fp32: everything in 32 bits. bf16: everything in 16 bits, the optimizer's state too. mixed: trained weights in 32
  // bits (torch autocast) or as 16-bit weights with a 32-bit copy (DeepSpeed), activations in 16 bits.
  enum class Precision : std::uint8_t { fp32, bf16, bf16_mixed, fp16_mixed };
  // How several GPUs share the work. ddp: each holds all of it.
  enum class Strategy : std::uint8_t { ddp, zero_1, zero_2, zero_3, fsdp };
  // cross_entropy: logits of all tokens, in 32 bits. chunked: the loss of one eighth of the tokens at a time.
  // fused_linear: logits never exist as a whole (Liger, Unsloth).
  enum class Loss : std::uint8_t { cross_entropy, chunked, fused_linear };

  Method method = Method::lora;
  std::int64_t lora_rank = 16;
  std::vector<std::string> target_modules;  // q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj; empty: all
  bool use_dora = false;
  bool train_embeddings = false;    // modules_to_save: embeddings and head beside the adapters
  bool adapters_in_16_bit = false;  // PEFT keeps them in 32 (autocast_adapter_dtype)
  bool lora_dropout = false;
  Optimizer optimizer = Optimizer::adamw;
  Precision precision = Precision::bf16_mixed;
  Strategy strategy = Strategy::ddp;
  Loss loss = Loss::cross_entropy;
  TransformersOptions::AttnImplementation attn_implementation = TransformersOptions::AttnImplementation::sdpa;
  std::int64_t micro_batch_size = 1;    // sequences per GPU and step
  std::int64_t sequence_length = 2048;  // tokens
  std::int64_t gradient_accumulation_steps = 1;
  bool gradient_checkpointing = false;
  bool fused_kernels = false;          // Liger, torch.compile: norms, activation functions and the loss keep less
  bool optimizer_in_backward = false;  // each gradient is used and dropped at once
  bool offload_optimizer = false;      // its state, and the 32-bit weights, lie in RAM
  bool offload_param = false;          // weights lie in RAM, gathered layer by layer (zero_3, fsdp)
};

struct TrainingRequest {
  const Model* model = nullptr;  // not owned, never null
  WeightFormat weights;          // of the frozen weights; full: ignored but for its name
  TrainingOptions options;
  Machine machine;
  OverheadProfile profile;
};

struct TrainingEstimate {
  Ledger ledger;
  std::vector<Figure> figures;
  std::vector<Warning> warnings;
  std::int64_t trainable_parameters = 0;
};

Result<TrainingEstimate> estimate(const TrainingRequest& request);

// The modules that LoRA may target, by their Hugging Face names.
std::vector<std::string_view> target_module_names();

// The largest value of one knob that fits, everything else as requested; 0: not even the smallest does.
struct LargestKnob {
  std::int64_t value = 0;
  std::int64_t limit = 0;  // where the search stopped
};
Result<LargestKnob> max_micro_batch_size(TrainingRequest request);
Result<LargestKnob> max_sequence_length(TrainingRequest request);
Result<LargestKnob> max_lora_rank(TrainingRequest request);

// One change to the request and what it does to the fullest GPU.
struct Technique {
  std::string_view name;  // "gradient_checkpointing"
  std::string_view text;  // what is changed
  TrainingOptions options;
  Bytes saved_bytes = 0;  // of the fullest GPU's expected peak
  Fit fit;
};
// Changes that save anything, the largest saving first.
std::vector<Technique> techniques(const TrainingRequest& request);

}  // namespace vram
