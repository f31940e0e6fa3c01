// The dispatcher and the blocks that every engine shares.
#include "vram/llm.hpp"

#include "catch.hpp"

using namespace vram;

namespace {

// Llama-3.1-8B in its published shape.
Model llama_8b() {
  Model model;
  model.hidden_size = 4096;
  model.vocab_size = 128256;
  model.max_position_embeddings = 131072;
  model.tensors.push_back({Role::token_embd, Part::text, -1, 0, 4096, 128256});
  model.tensors.push_back({Role::output, Part::text, -1, 0, 4096, 128256});
  model.tensors.push_back({Role::output_norm, Part::text, -1, 0, 4096});
  for (std::int32_t i = 0; i < 32; ++i) {
    Layer layer;
    layer.attention = Attention{32, 8, 128, 128};
    layer.ffn = FeedForward{14336};
    model.layers.push_back(layer);
    model.tensors.push_back({Role::attn_q, Part::text, i, 0, 4096, 4096});
    model.tensors.push_back({Role::attn_k, Part::text, i, 0, 4096, 1024});
    model.tensors.push_back({Role::attn_v, Part::text, i, 0, 4096, 1024});
    model.tensors.push_back({Role::attn_output, Part::text, i, 0, 4096, 4096});
    model.tensors.push_back({Role::ffn_gate, Part::text, i, 0, 4096, 14336});
    model.tensors.push_back({Role::ffn_up, Part::text, i, 0, 4096, 14336});
    model.tensors.push_back({Role::ffn_down, Part::text, i, 0, 14336, 4096});
    model.tensors.push_back({Role::norm, Part::text, i, 0, 4096, 1, 1, 2});
  }
  return model;
}

LlmRequest request_for(const Model& model, EngineOptions engine = IdealOptions{}) {
  LlmRequest request;
  request.model = &model;
  request.weights = *find_weight_format("bf16");
  request.type_k = find_tensor_type("bf16");
  request.type_v = request.type_k;
  request.context = 8192;
  request.machine.gpu.memory_bytes = 24 * kGiB;
  request.engine = engine;
  return request;
}

Bytes sum_of(const Ledger& ledger, Kind kind) {
  Bytes sum = 0;
  for (const Entry& entry : ledger.entries) sum += entry.kind == kind ? entry.bytes.expected : 0;
  return sum;
}

}  // namespace

TEST_CASE("Llama-3.1-8B's weights and cache are the published numbers") {
  const Model model = llama_8b();
  const auto result = estimate(request_for(model));
  REQUIRE(result.ok());
  CHECK(sum_of(result->ledger, Kind::weights) == Bytes{8'030'261'248} * 2);  // Hugging Face: 8,030,261,248 parameters
  CHECK(sum_of(result->ledger, Kind::kv_cache) == kGiB);                     // 128 KiB a token
  CHECK(kv_bytes_per_token_full(model, *find_tensor_type("f16"), *find_tensor_type("f16")) == 131072);
}

TEST_CASE("More context or sequences never take less") {
  const Model model = llama_8b();
  for (const EngineOptions& engine :
       {EngineOptions{IdealOptions{}}, EngineOptions{VllmOptions{}}, EngineOptions{TransformersOptions{}}}) {
    LlmRequest request = request_for(model, engine);
    request.machine.gpu.memory_bytes = 80 * kGiB;
    Bytes before = 0;
    for (const std::int64_t context : {1, 15, 16, 17, 100, 4096, 8192, 131072}) {
      request.context = context;
      const auto result = estimate(request);
      REQUIRE(result.ok());
      const Bytes now = sum_of(result->ledger, Kind::kv_cache);
      CHECK(now >= before);
      before = now;
    }
    const Bytes one = before;
    request.sequences = 3;
    CHECK(sum_of(estimate(request)->ledger, Kind::kv_cache) == 3 * one);
  }
}

TEST_CASE("Sliding windows hold no more than the window") {
  Model model = llama_8b();
  for (std::size_t i = 0; i < 16; ++i) {
    model.layers[i].attention->span = Span::sliding;
    model.layers[i].attention->window = 1024;
  }
  const auto result = estimate(request_for(model));
  REQUIRE(result.ok());
  CHECK(sum_of(result->ledger, Kind::kv_cache) == 16 * 4096 * (8192 + 1024));
}

TEST_CASE("Out-of-range requests are named") {
  const Model model = llama_8b();
  LlmRequest request = request_for(model);
  request.context = 0;
  REQUIRE_FALSE(estimate(request).ok());
  CHECK(estimate(request).error().path == "/context");
  request.context = std::int64_t{1} << 61;
  REQUIRE_FALSE(estimate(request).ok());  // saturates instead of wrapping
  CHECK(estimate(request).error().message.find("1 EiB") != std::string::npos);
}
