// Inverse questions: every one is a search over estimate(), so that no answer can disagree with it.
#include <algorithm>

#include "vram/training.hpp"

namespace vram {
namespace {

constexpr std::int64_t kBatchLimit = 1 << 16;
constexpr std::int64_t kSequenceLimit = std::int64_t{1} << 24;
constexpr std::int64_t kRankLimit = 1 << 14;

Bytes fullest(const TrainingEstimate& estimate) {
  Bytes peak = 0;
  for (const Peak& one : peaks(estimate.ledger)) {
    if (one.device.type == Device::Type::gpu) peak = std::max(peak, one.bytes.expected);
  }
  return peak;
}

// Memory never falls when one of these knobs grows.
Result<LargestKnob> largest(TrainingRequest request, std::int64_t TrainingOptions::*knob, std::int64_t limit) {
  if (Result<TrainingEstimate> asked = estimate(request); !asked.ok()) return asked.error();
  const auto fits = [&](std::int64_t value) {
    request.options.*knob = value;
    const Result<TrainingEstimate> result = estimate(request);
    return result.ok() && check_fit(result->ledger, request.machine).verdict != Fit::Verdict::does_not_fit;
  };
  std::int64_t good = 0, bad = 1;
  while (bad <= limit && fits(bad)) {
    good = bad;
    bad *= 2;
  }
  if (bad > limit) {
    if (good < limit && fits(limit)) return LargestKnob{limit, limit};
    bad = std::min(bad, limit + 1);
  }
  while (bad - good > 1) {
    const std::int64_t middle = good + (bad - good) / 2;
    (fits(middle) ? good : bad) = middle;
  }
  return LargestKnob{good, limit};
}

}  // namespace

Result<LargestKnob> max_micro_batch_size(TrainingRequest request) {
  return largest(std::move(request), &TrainingOptions::micro_batch_size, kBatchLimit);
}

Result<LargestKnob> max_sequence_length(TrainingRequest request) {
  return largest(std::move(request), &TrainingOptions::sequence_length, kSequenceLimit);
}

Result<LargestKnob> max_lora_rank(TrainingRequest request) {
  if (request.options.method == TrainingOptions::Method::full) return LargestKnob{0, 0};
  return largest(std::move(request), &TrainingOptions::lora_rank, kRankLimit);
}

std::vector<Technique> techniques(const TrainingRequest& request) {
  const TrainingOptions& o = request.options;
  using O = TrainingOptions;
  std::vector<Technique> all;
  const auto with = [&](std::string_view name, std::string_view text, auto&& change) {
    Technique technique{name, text, o, 0, {}};
    change(technique.options);
    all.push_back(technique);
  };
  if (!o.gradient_checkpointing)
    with("gradient_checkpointing", "layers run again in the backward pass",
         [](O& c) { c.gradient_checkpointing = true; });
  if (o.attn_implementation == TransformersOptions::AttnImplementation::eager)
    with("sdpa", "attention without its matrix of scores",
         [](O& c) { c.attn_implementation = TransformersOptions::AttnImplementation::sdpa; });
  if (o.loss != O::Loss::fused_linear)
    with("fused_linear", "logits never exist as a whole", [](O& c) { c.loss = O::Loss::fused_linear; });
  if (!o.fused_kernels)
    with("fused_kernels", "norms, activation functions and the loss keep less", [](O& c) { c.fused_kernels = true; });
  if (o.micro_batch_size > 1)
    with("micro_batch_size", "one sequence at a time, gradients accumulated", [](O& c) {
      if (!c.optimizer_in_backward) c.gradient_accumulation_steps = c.gradient_accumulation_steps * c.micro_batch_size;
      c.micro_batch_size = 1;
    });
  if (o.optimizer == O::Optimizer::adamw) {
    with("adamw_8bit", "the optimizer's state in 8 bits", [](O& c) { c.optimizer = O::Optimizer::adamw_8bit; });
    with("paged_adamw_8bit", "the optimizer's state in 8 bits, in RAM when there is no room",
         [](O& c) { c.optimizer = O::Optimizer::paged_adamw_8bit; });
    with("adafactor", "a row and a column instead of the optimizer's state",
         [](O& c) { c.optimizer = O::Optimizer::adafactor; });
  }
  if (o.method == O::Method::full && o.precision != O::Precision::bf16)
    with("bf16", "weights, gradients and state in 16 bits", [](O& c) { c.precision = O::Precision::bf16; });
  if (o.method == O::Method::full)
    with("lora", "adapters of rank 16 instead of all weights", [](O& c) { c.method = O::Method::lora; });
  if (o.method != O::Method::qlora)
    with("qlora", "frozen weights in 4 bits (NF4)", [](O& c) { c.method = O::Method::qlora; });
  if (o.method == O::Method::full && o.gradient_accumulation_steps == 1 && !o.optimizer_in_backward)
    with("optimizer_in_backward", "each gradient is used and dropped at once",
         [](O& c) { c.optimizer_in_backward = true; });
  if (request.machine.count > 1 && o.strategy != O::Strategy::zero_3)
    with("zero_3", "weights, gradients and state shared by all GPUs", [](O& c) { c.strategy = O::Strategy::zero_3; });
  if (!o.offload_optimizer && o.strategy != O::Strategy::ddp)
    with("offload_optimizer", "the optimizer's state in RAM", [](O& c) { c.offload_optimizer = true; });
  if (!o.offload_param && (o.strategy == O::Strategy::zero_3 || o.strategy == O::Strategy::fsdp))
    with("offload_param", "weights in RAM", [](O& c) { c.offload_param = true; });

  const Result<TrainingEstimate> base = estimate(request);
  if (!base.ok()) return {};
  const Bytes now = fullest(*base);
  std::vector<Technique> saving;
  for (Technique& technique : all) {
    TrainingRequest changed = request;
    changed.options = technique.options;
    if (technique.name == "qlora") changed.weights = *find_weight_format("bnb_nf4");
    const Result<TrainingEstimate> result = estimate(changed);
    if (!result.ok()) continue;
    technique.saved_bytes = add(now, -fullest(*result));
    technique.fit = check_fit(result->ledger, changed.machine);
    if (technique.saved_bytes > 0) saving.push_back(technique);
  }
  std::stable_sort(saving.begin(), saving.end(),
                   [](const Technique& a, const Technique& b) { return a.saved_bytes > b.saved_bytes; });
  return saving;
}

}  // namespace vram
