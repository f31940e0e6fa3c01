// The ledger of a training step. Model states per arXiv 1910.02054 (ZeRO: what each stage divides), DeepSpeed 0.17
// runtime/zero/config.py (bucket sizes), torch 2.8 distributed/fsdp (units gathered in turn) and nn/parallel
// /distributed.py (buckets of gradients); activations from tapes (layer_tape.cpp). Checked against published peaks:
// tests/accuracy, set training.
#include <algorithm>
#include <cmath>
#include <string>

#include "llm/parts.hpp"
#include "training/layer_tape.hpp"
#include "training/schedule.hpp"

namespace vram {
namespace {

using Method = TrainingOptions::Method;
using Optimizer = TrainingOptions::Optimizer;
using Precision = TrainingOptions::Precision;
using Strategy = TrainingOptions::Strategy;

double number(std::int64_t value) { return static_cast<double>(value); }

Bytes times(Bytes bytes, double factor) {
  return static_cast<Bytes>(std::min(number(kMaxBytes), std::ceil(number(bytes) * factor)));
}

bool paged(Optimizer optimizer) {
  return optimizer == Optimizer::paged_adamw || optimizer == Optimizer::paged_adamw_8bit;
}

// By how many GPUs each kind of state is divided.
struct Split {
  std::int64_t weights = 1, gradients = 1, optimizer = 1;
};

Split split_of(const TrainingRequest& request) {
  const std::int64_t n = request.machine.count;
  switch (request.options.strategy) {
    case Strategy::ddp: return {};
    case Strategy::zero_1: return {1, 1, n};
    case Strategy::zero_2: return {1, n, n};
    case Strategy::zero_3:
    case Strategy::fsdp: return {n, n, n};
  }
  return {};
}

// Without loss: the first GPUs take the remainder.
Bytes part(Bytes bytes, std::int64_t of, int index) { return bytes / of + (index < bytes % of ? 1 : 0); }

std::optional<Error> refused(const TrainingRequest& request) {
  const TrainingOptions& o = request.options;
  const auto at_least_one = [](std::string_view name, std::int64_t value) -> std::optional<Error> {
    if (value >= 1) return std::nullopt;
    return Error{"/" + std::string(name), std::string(name) + " must be at least one", std::to_string(value),
                 "1 or more"};
  };
  if (auto e = at_least_one("micro_batch_size", o.micro_batch_size)) return e;
  if (auto e = at_least_one("sequence_length", o.sequence_length)) return e;
  if (auto e = at_least_one("gradient_accumulation_steps", o.gradient_accumulation_steps)) return e;
  if (o.method != Method::full) {
    if (auto e = at_least_one("lora_rank", o.lora_rank)) return e;
  }
  if (o.optimizer_in_backward && o.gradient_accumulation_steps > 1) {
    return Error{"/gradient_accumulation_steps",
                 "an optimizer that runs in the backward pass cannot accumulate gradients",
                 std::to_string(o.gradient_accumulation_steps), "1"};
  }
  const bool shards = o.strategy == Strategy::zero_3 || o.strategy == Strategy::fsdp;
  if (o.offload_param && !shards) {
    return Error{"/offload_param", "only zero_3 and fsdp can keep weights in RAM", "true",
                 "strategy \"zero_3\" or \"fsdp\""};
  }
  if (o.offload_optimizer && o.strategy == Strategy::ddp) {
    return Error{"/offload_optimizer", "the optimizer's state goes to RAM under DeepSpeed or FSDP", "true",
                 "strategy \"zero_1\", \"zero_2\", \"zero_3\" or \"fsdp\""};
  }
  if (o.method == Method::qlora && request.weights.scheme == WeightFormat::Scheme::gguf) {
    return Error{"/weights", "a GGUF cannot be trained on", "\"" + std::string(request.weights.id) + "\"",
                 "\"bnb_nf4\", \"bnb_int8\", \"gptq\", \"awq\""};
  }
  return std::nullopt;
}

class Writer {
 public:
  Writer(const TrainingRequest& request, Ledger& ledger) : request_(request), ledger_(ledger) {}

  void on(Device device) { device_ = device; }
  void put(Kind kind, std::string_view label, Stages stages, Interval bytes, std::string_view formula,
           std::vector<Value> values, std::string_view source) {
    if (bytes.high > 0)
      ledger_.entries.push_back({kind, label, device_, stages, bytes, formula, std::move(values), source});
  }
  void exact(Kind kind, std::string_view label, Stages stages, Bytes bytes, std::string_view formula,
             std::vector<Value> values, std::string_view source) {
    put(kind, label, stages, Interval::exact(bytes), formula, std::move(values), source);
  }

  void overheads(int index) {
    const OverheadProfile& p = request_.profile;
    const Interval display = display_bytes(p, index);
    put(Kind::reserved, "Display and other programs", kTraining, display, "display_reserve",
        {{"display_reserve", number(display.expected)}}, p.source);
    put(Kind::runtime_context, "Driver context and kernels", kTraining,
        {p.runtime_context_low, p.runtime_context, p.runtime_context_high}, "runtime_context",
        {{"runtime_context", number(p.runtime_context)}}, p.source);
    put(Kind::framework, "Framework: libraries and their workspaces", kTraining,
        {p.framework_low, p.framework, p.framework_high}, "framework", {{"framework", number(p.framework)}}, p.source);
  }

 private:
  const TrainingRequest& request_;
  Ledger& ledger_;
  Device device_;
};

constexpr std::string_view kStates = "arXiv 1910.02054 section 3.1; each dtype as the framework keeps it";
constexpr std::string_view kTape =
    "tape of one layer, forward and backward, as transformers 4.57 runs it; saved tensors by pytorch v2.8 "
    "derivatives.yaml";

// Whole units of weights that are gathered on each GPU while they are used.
Interval gathered(const TrainingRequest& request, const Sections& sections) {
  Bytes largest = 0;
  for (const Section& layer : sections.layers) largest = std::max(largest, layer.gathered);
  const Bytes root = add(sections.embeddings.gathered, add(sections.head.gathered, sections.towers.gathered));
  const Bytes all = total(sections).gathered;
  if (request.options.strategy == Strategy::fsdp) {
    const Bytes two = std::min(all, add(root, mul(largest, 2)));
    return {std::min(two, add(root, largest)), two, std::min(all, add(two, largest))};
  }
  // stage3_max_live_parameters 1e9, stage3_prefetch_bucket_size 5e7, in 16 bits.
  const Bytes live = std::min<Bytes>(all, 2'000'000'000);
  const Bytes least = std::min(live, std::max(largest, std::max(sections.embeddings.gathered, sections.head.gathered)));
  return {least, live, std::min(all, add(live, 200'000'000))};
}

Interval communication(const TrainingRequest& request, Bytes gradients, Bytes trained_16) {
  switch (request.options.strategy) {
    case Strategy::ddp: return {0, gradients, gradients};  // buckets, unless gradient_as_bucket_view
    case Strategy::zero_1:
    case Strategy::zero_2: {
      // reduce_bucket_size and allgather_bucket_size 5e8 elements in 16 bits; a second bucket with overlap_comm.
      const Bytes bucket = std::min<Bytes>(trained_16, 1'000'000'000);
      return {bucket / 8, mul(bucket, 2), mul(bucket, 3)};
    }
    case Strategy::zero_3:
    case Strategy::fsdp: return {};
  }
  return {};
}

void write_gpu(Writer& w, const TrainingRequest& request, const Sections& sections, const Section& sum,
               const StepPeak& step, int index) {
  const TrainingOptions& o = request.options;
  const Split split = split_of(request);
  const int count = request.machine.count;
  const std::vector<Value> gpus{{"gpus", number(count)}, {"trainable_parameters", number(sum.parameters)}};
  w.on(gpu(index));
  if (!o.offload_param) {
    w.exact(Kind::weights, o.method == Method::full ? "Weights" : "Weights, frozen", kTraining,
            add(part(sum.frozen, split.weights, index),
                o.method == Method::full ? part(sum.trained, split.weights, index) : 0),
            "stored bytes of all weights / gpus that share them", {{"gpus", number(split.weights)}}, kStates);
    if (o.method != Method::full) {
      w.exact(Kind::weights, "Embeddings and head, a trained copy", kTraining, part(sum.trained, split.weights, index),
              "elements * bytes / gpus that share them", {{"gpus", number(split.weights)}},
              "PEFT 0.17 utils/other.py ModulesToSaveWrapper");
    }
    w.exact(Kind::adapters, o.use_dora ? "DoRA adapters" : "LoRA adapters", kTraining,
            part(sum.adapters, split.weights, index),
            "(rank * (in + out)) * bytes over adapted matrices / gpus that share them",
            {{"lora_rank", number(o.lora_rank)}, {"gpus", number(split.weights)}}, "PEFT 0.17 tuners/lora/layer.py");
  }
  if (!o.offload_optimizer) {
    w.exact(Kind::master_weights, "32-bit copy of the trained weights", kTraining,
            part(sum.master, split.optimizer, index), "4 * trainable_parameters / gpus that share them", gpus,
            "DeepSpeed 0.17 runtime/bf16_optimizer.py, runtime/zero");
  }
  // torch.autocast casts the 32-bit weights of each matrix once per forward pass and keeps the copies.
  const bool autocast = o.method == Method::full && o.strategy == Strategy::ddp && o.precision != Precision::fp32 &&
                        o.precision != Precision::bf16;
  if (autocast) {
    const Bytes copies = sum.gathered;
    w.put(Kind::master_weights, "16-bit copies of the weights, made by autocast", Stage::train_step,
          {o.gradient_checkpointing ? 0 : copies, copies, copies}, "2 * parameters",
          {{"parameters", number(sum.parameters)}}, "pytorch v2.8 aten/src/ATen/autocast_mode.cpp: cached_cast");
  }
  w.exact(Kind::gradients, "Gradients", Stage::train_step,
          o.optimizer_in_backward ? step.gradients : part(sum.gradients, split.gradients, index),
          o.optimizer_in_backward ? "gradients of the largest section"
                                  : "bytes * trainable_parameters / gpus that share them",
          gpus, kStates);
  const Bytes state = part(sum.optimizer, split.optimizer, index);
  if (paged(o.optimizer)) {
    w.put(Kind::optimizer_state, "Optimizer state, paged: on the GPU as far as there is room", Stage::train_step,
          {0, 0, state}, "0 to bytes per parameter * trainable_parameters / gpus that share them", gpus,
          "bitsandbytes 0.48 functional.py get_paged");
  } else if (!o.offload_optimizer) {
    w.put(Kind::optimizer_state, "Optimizer state", Stage::train_step,
          {part(sum.optimizer_least, split.optimizer, index), state, state},
          "bytes per parameter * trainable_parameters / gpus that share them", gpus, kStates);
  }
  if (split.weights > 1 || o.offload_param) {
    w.put(Kind::communication, "Weights gathered while they are used", Stage::train_step, gathered(request, sections),
          "units in use, in the dtype they are computed in", gpus,
          "DeepSpeed 0.17 runtime/zero/config.py; torch 2.8 distributed/fsdp");
  }
  if (count > 1) {
    w.put(Kind::communication, "Buckets of gradients", Stage::train_step,
          communication(request, step.gradients, mul(sum.parameters, 2)), "bucket sizes", gpus,
          "torch 2.8 nn/parallel/distributed.py; DeepSpeed 0.17 runtime/zero/config.py");
    w.put(Kind::communication, "NCCL", kTraining, {64 * kMiB, 256 * kMiB, kGiB}, "channels and their buffers", gpus,
          "no measured record of training: from vLLM's non-torch memory with several GPUs");
  }
  // Beyond the gradients: what the peak of the backward pass holds before they are all there.
  Bytes beyond = std::max<Bytes>(0, add(step.joint, -step.gradients));
  // Published runs of QLoRA hold up to two thirds more than the same run of LoRA does beside its weights.
  // Compiled kernels keep less than their tape says.
  const Bytes more = times(step.activations, o.method == Method::qlora ? 0.7 : 0.3);
  const Bytes less = times(step.activations, o.fused_kernels ? 0.4 : 0.15);
  Interval activations{std::max<Bytes>(0, add(beyond, -less)), beyond, add(beyond, more)};
  if (request.model->hidden_size == 0) activations = {kGiB / 4, 4 * kGiB, 24 * kGiB};
  w.put(Kind::activations, "Activations and logits, beyond the gradients that replace them", Stage::train_step,
        activations, "peak of the step(micro_batch_size * sequence_length) - gradients",
        {{"micro_batch_size", number(o.micro_batch_size)},
         {"sequence_length", number(o.sequence_length)},
         {"activations", number(step.activations)},
         {"gradients", number(step.gradients)}},
        kTape);
  const Bytes temporary = o.offload_optimizer ? 0 : part(sum.step, split.optimizer, index);
  const Bytes over = std::max<Bytes>(0, add(temporary, -activations.expected));
  w.put(Kind::framework, "The optimizer's step, beyond the activations that are gone by then", Stage::train_step,
        {0, o.optimizer_in_backward ? 0 : over, temporary}, "temporary of the step - activations",
        {{"temporary", number(temporary)}}, "torch 2.8 optim/adam.py _multi_tensor_adam; fused steps need none");
  w.put(Kind::fragmentation, "Allocator: reserved but unused", Stage::train_step,
        {0, activations.expected / 25, add(add(activations.expected / 4, kGiB / 2), add(step.gradients, state) / 2)},
        "0 to a quarter of the activations, half of gradients and state, and 512 MiB",
        {{"activations", number(activations.expected)}},
        "published peaks: reserved by PEFT's benchmark within 3 %, processes of Qwen's table up to so much more");
  w.overheads(index);
}

void write_host(Writer& w, const TrainingRequest& request, const Section& sum) {
  const TrainingOptions& o = request.options;
  w.on(kHost);
  constexpr std::string_view kOffload = "DeepSpeed 0.17 runtime/zero/offload_config.py; torch 2.8 CPUOffload";
  if (o.offload_param) {
    w.exact(Kind::weights, "Weights in RAM", kTraining, add(add(sum.frozen, sum.trained), sum.adapters), "stored bytes",
            {}, kOffload);
  }
  if (o.offload_optimizer) {
    w.exact(Kind::master_weights, "32-bit weights in RAM", kTraining, sum.master, "4 * trainable_parameters", {},
            kOffload);
    w.exact(Kind::gradients, "Gradients in RAM, for the step", Stage::train_step, mul(sum.parameters, 4),
            "4 * trainable_parameters", {}, kOffload);
  }
  if (o.offload_optimizer || paged(o.optimizer)) {
    const bool whole = o.offload_optimizer && !paged(o.optimizer);
    w.put(Kind::optimizer_state, "Optimizer state in RAM", Stage::train_step,
          {whole ? sum.optimizer : 0, sum.optimizer, sum.optimizer}, "bytes per parameter * trainable_parameters", {},
          whole ? kOffload : "bitsandbytes 0.48 functional.py get_paged");
  }
}

void warn(const TrainingRequest& request, const Section& sum, TrainingEstimate& estimate) {
  const TrainingOptions& o = request.options;
  const Model& model = *request.model;
  const auto say = [&](std::string path, std::string text) {
    estimate.warnings.push_back({std::move(path), std::move(text)});
  };
  if (model.hidden_size == 0)
    say("/model", "the sizes of this model's layers are unknown: activations are a guess, as wide as it gets");
  if (parameters(model, Part::tower) > 0) say("/model", "activations of the vision or audio tower are not modelled");
  if (std::any_of(model.layers.begin(), model.layers.end(), [](const Layer& l) { return l.state || l.compressed; })) {
    say("/model",
        "what recurrent or compressed layers keep for the backward pass follows their fused kernels and is unverified");
  }
  if (o.method != Method::full && sum.adapters == 0)
    say("/target_modules", "no matrix of this model is adapted by these modules");
  if (model.max_position_embeddings > 0 && o.sequence_length > model.max_position_embeddings) {
    say("/sequence_length",
        "the model's configuration states max_position_embeddings = " + std::to_string(model.max_position_embeddings));
  }
}

}  // namespace

Result<TrainingEstimate> estimate(const TrainingRequest& request) {
  if (std::optional<Error> error = refused(request)) return *std::move(error);
  const Sections sections = sections_of(request);
  const Section sum = total(sections);
  const Split split = split_of(request);
  const StepPeak step = step_peak(request, sections, split.gradients);
  TrainingEstimate estimate;
  estimate.trainable_parameters = sum.parameters;
  Writer writer(request, estimate.ledger);
  for (int g = 0; g < request.machine.count; ++g) write_gpu(writer, request, sections, sum, step, g);
  write_host(writer, request, sum);
  warn(request, sum, estimate);
  Bytes all = 0, allocated = 0;
  for (const Entry& entry : estimate.ledger.entries) {
    all = add(all, entry.bytes.high);
    const bool outside = entry.kind == Kind::reserved || entry.kind == Kind::runtime_context ||
                         entry.kind == Kind::fragmentation || entry.label == "NCCL" ||
                         entry.label.starts_with("Framework");
    if (entry.device == gpu(0) && !outside) allocated = add(allocated, entry.bytes.expected);
  }
  if (all >= kRefusedBytes) {
    return Error{"", "this set-up would take more than 1 EiB; some of its numbers must be wrong", "",
                 "a model, batch and sequence length that fit on this planet"};
  }
  estimate.figures = {{"trainable_parameters", number(sum.parameters), "parameters"},
                      {"peak_activations", number(step.activations), "bytes"},
                      {"max_memory_allocated", number(allocated), "bytes"}};
  std::stable_sort(estimate.ledger.entries.begin(), estimate.ledger.entries.end(),
                   [](const Entry& a, const Entry& b) { return a.kind < b.kind; });
  return estimate;
}

}  // namespace vram
