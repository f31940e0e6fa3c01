#include "vram/catalogue.hpp"
#include "vram/llm.hpp"

#include "catch.hpp"

using namespace vram;

TEST_CASE("A rule asks for what it names and nothing else") {
  Machine machine;
  machine.gpu.vendor = "nvidia";
  machine.gpu.form_factor = "datacenter";
  machine.gpu.memory_bytes = 79 * kGiB;
  CHECK(applies({}, machine));
  ProfileRule rule;
  rule.vendor = {"nvidia"};
  rule.form_factor = {"datacenter"};
  rule.memory_gib_min = 64;
  CHECK(applies(rule, machine));
  machine.gpu.memory_bytes = 40 * kGiB;
  CHECK_FALSE(applies(rule, machine));
  machine.gpu.memory_bytes_nominal = 80 * kGB;  // what the box says decides
  CHECK(applies(rule, machine));
  machine.gpu.vendor = "amd";
  CHECK_FALSE(applies(rule, machine));
  rule = {};
  rule.count_min = 2;
  CHECK_FALSE(applies(rule, machine));
  machine.count = 2;
  CHECK(applies(rule, machine));
  rule.automatic = false;
  CHECK_FALSE(applies(rule, machine));
}

TEST_CASE("The last profile is the one that applies to every machine") {
  REQUIRE_FALSE(profile_rows().empty());
  CHECK(profile_rows().back().id == "headless_linux");
}

namespace {

Model one_layer() {
  Model model;
  model.hidden_size = 64;
  model.vocab_size = 128;
  Layer layer;
  Attention& a = layer.attention.emplace();
  a.num_attention_heads = a.num_key_value_heads = 4;
  a.head_dim = a.v_head_dim = 16;
  model.layers.assign(8, layer);
  model.tensors.push_back({Role::token_embd, Part::text, -1, 0, 64, 128});
  for (std::int32_t i = 0; i < 8; ++i) model.tensors.push_back({Role::attn_q, Part::text, i, 0, 64, 64});
  return model;
}

Bytes sum_of(const Ledger& ledger, Kind kind, int device) {
  Bytes sum = 0;
  for (const Entry& entry : ledger.entries) {
    if (entry.kind == kind && entry.device == gpu(device)) sum += entry.bytes.expected;
  }
  return sum;
}

}  // namespace

TEST_CASE("Every GPU in use pays for a context, the first for the screen, PyTorch for itself, the floor for nothing") {
  const Model model = one_layer();
  LlmRequest request;
  request.model = &model;
  request.weights = *find_weight_format("bf16");
  request.type_k = request.type_v = find_tensor_type("bf16");
  request.context = 100;
  request.machine.count = 2;
  request.profile.runtime_context_low = 1 * kMiB;
  request.profile.runtime_context = 2 * kMiB;
  request.profile.runtime_context_high = 3 * kMiB;
  request.profile.framework = request.profile.framework_high = 5 * kMiB;
  request.profile.display_reserve_low = request.profile.display_reserve = request.profile.display_reserve_high =
      7 * kMiB;
  request.profile.fragmentation_factor = 1.5;

  request.engine = TransformersOptions{};
  const auto torch = estimate(request);
  REQUIRE(torch.ok());
  for (const int device : {0, 1}) {
    CHECK(sum_of(torch->ledger, Kind::runtime_context, device) == 2 * kMiB);
    CHECK(sum_of(torch->ledger, Kind::framework, device) == 5 * kMiB);
    CHECK(sum_of(torch->ledger, Kind::reserved, device) == (device == 0 ? 7 * kMiB : 0));
    Bytes held = 0;
    for (const Kind kind : {Kind::weights, Kind::kv_cache, Kind::activations, Kind::logits}) {
      held += sum_of(torch->ledger, kind, device);
    }
    CHECK(sum_of(torch->ledger, Kind::fragmentation, device) == (held + 1) / 2);
  }

  request.engine = IdealOptions{};
  const auto ideal = estimate(request);
  REQUIRE(ideal.ok());
  for (const Entry& entry : ideal->ledger.entries) CHECK((entry.kind == Kind::weights || entry.kind == Kind::kv_cache));
}
