// Weights of whole models, those known only by their size included.
#include "catch.hpp"
#include "vram/llm.hpp"
#include "vram/read.hpp"

using namespace vram;

TEST_CASE("A model known only by its size takes the format's nominal bits") {
  ManualModel manual;
  manual.parameters_billion = 8;
  manual.num_hidden_layers = 36;
  manual.num_key_value_heads = 8;
  manual.head_dim = 128;
  manual.vision_tower_gib = 0.5;
  const Model model = model_from(manual);
  CHECK(weight_bytes(model, *find_weight_format("bf16"), Part::text) == 16 * kGB);
  CHECK(weight_bytes(model, *find_weight_format("int4"), Part::text) == 4 * kGB);
  const WeightFormat& awq = *find_weight_format("awq");
  CHECK(weight_bytes(model, awq, Part::text) == static_cast<Bytes>(8e9 * awq.nominal_bpw / 8));
  // Bytes known as such do not change with the format.
  CHECK(weight_bytes(model, awq, Part::tower) == kGiB / 2);
  CHECK(weight_bytes(model, *find_weight_format("bf16"), Part::tower) == kGiB / 2);
}

TEST_CASE("The same 8 billion parameters on any number of GPUs") {
  ManualModel manual;
  manual.parameters_billion = 8;
  manual.num_hidden_layers = 36;
  manual.num_key_value_heads = 8;
  manual.head_dim = 128;
  const Model model = model_from(manual);
  for (const EngineOptions& engine :
       {EngineOptions{IdealOptions{}}, EngineOptions{VllmOptions{}}, EngineOptions{TransformersOptions{}}}) {
    for (const int count : {1, 2, 4, 8}) {
      LlmRequest request;
      request.model = &model;
      request.weights = *find_weight_format("bf16");
      request.type_k = request.type_v = find_tensor_type("bf16");
      request.context = 4096;
      request.engine = engine;
      request.machine.count = count;
      const auto result = estimate(request);
      REQUIRE(result.ok());
      Bytes sum = 0;
      for (const Entry& entry : result->ledger.entries) sum += entry.kind == Kind::weights ? entry.bytes.expected : 0;
      CHECK(sum >= 16 * kGB);
      CHECK(sum < 16 * kGB + 64);
    }
  }
}
