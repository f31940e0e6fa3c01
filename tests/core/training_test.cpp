// Training against sums done by hand, and against what must hold for every set-up.
#include <random>

#include "catch.hpp"
#include "training/autograd.hpp"
#include "vram/read.hpp"
#include "vram/training.hpp"

using namespace vram;

namespace {

using O = TrainingOptions;

Model llama(std::int64_t layers = 32) {
  Result<Model> model =
      read_config(R"({"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": )" + std::to_string(layers) +
                      R"(, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
    "intermediate_size": 14336, "vocab_size": 128256, "max_position_embeddings": 131072, "torch_dtype": "bfloat16"})",
                  "/model/config");
  REQUIRE(model.ok());
  return *std::move(model);
}

TrainingRequest request_for(const Model& model, O options, int gpus = 1) {
  TrainingRequest request;
  request.model = &model;
  request.options = options;
  request.weights = *find_weight_format(options.method == O::Method::qlora ? "bnb_nf4" : "bf16");
  request.machine.gpu.memory_bytes = 80 * kGiB;
  request.machine.count = gpus;
  return request;
}

Bytes sum_of(const TrainingRequest& request, Kind kind, bool gpus_only = false) {
  const Result<TrainingEstimate> result = estimate(request);
  REQUIRE(result.ok());
  Bytes sum = 0;
  for (const Entry& entry : result->ledger.entries) {
    if (entry.kind == kind && (!gpus_only || entry.device.type == Device::Type::gpu)) sum += entry.bytes.expected;
  }
  return sum;
}

Bytes fullest(const TrainingRequest& request) {
  const Result<TrainingEstimate> result = estimate(request);
  REQUIRE(result.ok());
  Bytes peak = 0;
  for (const Peak& one : peaks(result->ledger)) {
    if (one.device.type == Device::Type::gpu) peak = std::max(peak, one.bytes.expected);
  }
  return peak;
}

constexpr std::int64_t kParameters = 8'030'261'248;

}  // namespace

TEST_CASE("An operation's saved tensors live until its backward") {
  Autograd g;
  const Var x = g.input("x", 100, true);
  const Var y = g.op("y", 100, {x}, {.inputs = {x}});
  const Var z = g.op("z", 100, {y});
  g.backward(z);
  const Autograd::Profile p = g.profile(z);
  CHECK(p.saved == 100);          // x; y is read by nothing
  CHECK(p.forward_peak == 300);   // x saved, y read, z written
  CHECK(p.backward_peak == 400);  // x saved, z, its gradient and the next
}

TEST_CASE("A sum passes its gradient on without a copy") {
  Autograd g;
  const Var x = g.input("x", 100, true);
  const Var y = g.op("y", 100, {x});
  const Var z = g.sum("z", 100, x, y);
  g.backward(z);
  CHECK(g.profile(z).saved == 0);
  CHECK(g.profile(z).backward_peak <= 300);
}

TEST_CASE("Sixteen bytes a parameter: AdamW in mixed precision, however it is kept") {
  const Model model = llama();
  O options;
  options.method = O::Method::full;
  TrainingRequest request = request_for(model, options);
  CHECK(sum_of(request, Kind::weights) == 4 * kParameters);
  CHECK(sum_of(request, Kind::gradients) == 4 * kParameters);
  CHECK(sum_of(request, Kind::optimizer_state) == 8 * kParameters);
  request.options.strategy = O::Strategy::zero_2;
  CHECK(sum_of(request, Kind::weights) == 2 * kParameters);
  CHECK(sum_of(request, Kind::gradients) == 2 * kParameters);
  CHECK(sum_of(request, Kind::master_weights) == 4 * kParameters);
  CHECK(sum_of(request, Kind::optimizer_state) == 8 * kParameters);
  request.options.strategy = O::Strategy::ddp;
  request.options.precision = O::Precision::bf16;
  CHECK(sum_of(request, Kind::weights) + sum_of(request, Kind::gradients) + sum_of(request, Kind::optimizer_state) ==
        8 * kParameters);
}

TEST_CASE("Optimizers: bytes of state per parameter") {
  const Model model = llama();
  O options;
  options.method = O::Method::full;
  const auto state = [&](O::Optimizer optimizer) {
    options.optimizer = optimizer;
    return static_cast<double>(sum_of(request_for(model, options), Kind::optimizer_state)) /
           static_cast<double>(kParameters);
  };
  CHECK(state(O::Optimizer::sgd) == 0);
  CHECK(state(O::Optimizer::sgd_momentum) == 4);
  CHECK(state(O::Optimizer::adamw) == 8);
  CHECK(state(O::Optimizer::lion) == 4);
  CHECK(state(O::Optimizer::adafactor) < 0.01);
  // 2.03 bytes, embeddings and head in 8.
  CHECK(state(O::Optimizer::adamw_8bit) > 2.03);
  CHECK(state(O::Optimizer::adamw_8bit) < 2.9);
}

TEST_CASE("LoRA: rank times inputs and outputs of every adapted matrix") {
  const Model model = llama();
  O options;
  options.lora_rank = 8;
  options.target_modules = {"q_proj", "v_proj"};
  const Result<TrainingEstimate> result = estimate(request_for(model, options));
  REQUIRE(result.ok());
  CHECK(result->trainable_parameters == 32 * 8 * ((4096 + 4096) + (4096 + 1024)));
  options.target_modules.clear();
  CHECK(estimate(request_for(model, options))->trainable_parameters ==
        32 * 8 * (4 * 4096 + 2 * (4096 + 1024) + 3 * (4096 + 14336)));
  options.use_dora = true;
  CHECK(estimate(request_for(model, options))->trainable_parameters ==
        32 * (8 * (4 * 4096 + 2 * (4096 + 1024) + 3 * (4096 + 14336)) + 3 * 4096 + 2 * 1024 + 2 * 14336));
}

TEST_CASE("Sharing over GPUs loses nothing") {
  const Model model = llama(7);
  for (const auto strategy : {O::Strategy::zero_1, O::Strategy::zero_2, O::Strategy::zero_3, O::Strategy::fsdp}) {
    O options;
    options.method = O::Method::full;
    options.strategy = strategy;
    const TrainingRequest one = request_for(model, options, 1);
    for (const int gpus : {2, 3, 8}) {
      const TrainingRequest many = request_for(model, options, gpus);
      CHECK(sum_of(many, Kind::optimizer_state) == sum_of(one, Kind::optimizer_state));
      CHECK(sum_of(many, Kind::master_weights) == sum_of(one, Kind::master_weights));
      const bool gradients = strategy != O::Strategy::zero_1;
      CHECK(sum_of(many, Kind::gradients) == sum_of(one, Kind::gradients) * (gradients ? 1 : gpus));
      const bool weights = strategy == O::Strategy::zero_3 || strategy == O::Strategy::fsdp;
      CHECK(sum_of(many, Kind::weights) == sum_of(one, Kind::weights) * (weights ? 1 : gpus));
    }
  }
}

TEST_CASE("Offloading moves state to RAM") {
  const Model model = llama(4);
  O options;
  options.method = O::Method::full;
  options.strategy = O::Strategy::zero_3;
  const TrainingRequest kept = request_for(model, options, 2);
  options.offload_optimizer = options.offload_param = true;
  const TrainingRequest moved = request_for(model, options, 2);
  CHECK(sum_of(moved, Kind::optimizer_state) == sum_of(kept, Kind::optimizer_state));
  CHECK(sum_of(moved, Kind::optimizer_state, true) == 0);
  CHECK(sum_of(moved, Kind::weights) == sum_of(kept, Kind::weights));
  CHECK(sum_of(moved, Kind::weights, true) == 0);
}

TEST_CASE("More of anything never takes less") {
  std::mt19937 random(7);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int turn = 0; turn < 40; ++turn) {
    const Model model = llama(1 + pick(6));
    O o;
    o.method = static_cast<O::Method>(pick(3));
    o.optimizer = static_cast<O::Optimizer>(pick(9));
    o.precision = static_cast<O::Precision>(pick(4));
    o.strategy = static_cast<O::Strategy>(pick(5));
    o.loss = static_cast<O::Loss>(pick(3));
    o.attn_implementation = static_cast<TransformersOptions::AttnImplementation>(pick(3));
    o.gradient_checkpointing = pick(2) == 1;
    o.fused_kernels = pick(2) == 1;
    o.gradient_accumulation_steps = 1 + pick(2);
    o.micro_batch_size = 1 + pick(3);
    o.sequence_length = 1 + pick(3000);
    const TrainingRequest base = request_for(model, o, 1 + pick(4));
    const Bytes peak = fullest(base);
    TrainingRequest more = base;
    more.options.micro_batch_size += 1;
    CHECK(fullest(more) >= peak);
    more = base;
    more.options.sequence_length += 1 + pick(500);
    CHECK(fullest(more) >= peak);
    more = base;
    more.options.lora_rank += 16;
    CHECK(fullest(more) >= peak);
  }
}

TEST_CASE("The largest that fits fits, and one more does not") {
  const Model model = llama();
  O options;
  options.method = O::Method::qlora;
  options.gradient_checkpointing = true;
  TrainingRequest request = request_for(model, options);
  request.machine.gpu.memory_bytes = 24 * kGiB;
  const auto fits = [&](const TrainingRequest& r) { return fullest(r) <= r.machine.gpu.memory_bytes; };
  const Result<LargestKnob> batch = max_micro_batch_size(request);
  REQUIRE(batch.ok());
  REQUIRE(batch->value > 0);
  TrainingRequest there = request;
  there.options.micro_batch_size = batch->value;
  CHECK(fits(there));
  there.options.micro_batch_size += 1;
  CHECK_FALSE(fits(there));
  const Result<LargestKnob> length = max_sequence_length(request);
  REQUIRE(length.ok());
  there = request;
  there.options.sequence_length = length->value;
  CHECK(fits(there));
  there.options.sequence_length += 1;
  CHECK_FALSE(fits(there));
}

TEST_CASE("Techniques are what they save") {
  const Model model = llama();
  O options;
  options.method = O::Method::full;
  options.micro_batch_size = 4;
  const TrainingRequest request = request_for(model, options);
  const std::vector<Technique> all = techniques(request);
  REQUIRE_FALSE(all.empty());
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].saved_bytes > 0);
    if (i > 0) CHECK(all[i - 1].saved_bytes >= all[i].saved_bytes);
    if (all[i].name == "qlora") continue;
    TrainingRequest changed = request;
    changed.options = all[i].options;
    CHECK(fullest(request) - fullest(changed) == all[i].saved_bytes);
  }
}

TEST_CASE("Set-ups that cannot be are named") {
  const Model model = llama(2);
  O options;
  options.offload_param = true;
  CHECK(estimate(request_for(model, options)).error().path == "/offload_param");
  options = {};
  options.offload_optimizer = true;
  CHECK(estimate(request_for(model, options)).error().path == "/offload_optimizer");
  options = {};
  options.optimizer_in_backward = true;
  options.gradient_accumulation_steps = 2;
  CHECK(estimate(request_for(model, options)).error().path == "/gradient_accumulation_steps");
}
