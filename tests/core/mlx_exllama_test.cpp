// mlx-lm and ExLlama against sums done by hand.
#include <algorithm>

#include "catch.hpp"
#include "vram/llm.hpp"
#include "vram/read.hpp"

using namespace vram;

namespace {

Model llama_8b() {
  Result<Model> model = read_config(R"({"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 14336,
    "vocab_size": 128256, "max_position_embeddings": 131072, "torch_dtype": "bfloat16"})",
                                    "/model/config");
  REQUIRE(model.ok());
  return *std::move(model);
}

LlmRequest request_for(const Model& model, EngineOptions engine, std::string_view weights,
                       std::int64_t context = 8192) {
  LlmRequest request;
  request.model = &model;
  request.weights = *find_weight_format(weights);
  request.type_k = request.type_v = find_tensor_type("f16");
  request.context = context;
  request.engine = engine;
  request.machine.gpu.memory_bytes = 24 * kGiB;
  return request;
}

Bytes sum_of(const LlmRequest& request, Kind kind, Stage stage = Stage::decode) {
  const Result<LlmEstimate> result = estimate(request);
  REQUIRE(result.ok());
  Bytes sum = 0;
  for (const Entry& entry : result->ledger.entries) {
    if (entry.kind == kind && entry.stages.contains(stage)) sum += entry.bytes.expected;
  }
  return sum;
}

constexpr Bytes kPerToken = Bytes{32} * 2 * 1024;  // cached elements

}  // namespace

TEST_CASE("MLX: four bits, and 16-bit scale and bias per 64, embeddings and head included") {
  const Model model = llama_8b();
  const Bytes norms = Bytes{65} * 4096;
  const Bytes matrices = Bytes{8'030'261'248} - norms;
  CHECK(sum_of(request_for(model, MlxOptions{}, "mlx_4bit"), Kind::weights) ==
        matrices / 2 + matrices / 64 * 4 + norms * 2);
}

TEST_CASE("MLX: the cache grows by 256 cells; quantized, rotating") {
  const Model model = llama_8b();
  CHECK(sum_of(request_for(model, MlxOptions{}, "mlx_4bit", 8193), Kind::kv_cache) == 8448 * kPerToken * 2);
  MlxOptions packed;
  packed.kv_bits = 8;
  CHECK(sum_of(request_for(model, packed, "mlx_4bit"), Kind::kv_cache) == 8192 * kPerToken * 17 / 16);
  MlxOptions rotating;
  rotating.max_kv_size = 1024;
  CHECK(sum_of(request_for(model, rotating, "mlx_4bit"), Kind::kv_cache) == 1024 * kPerToken * 2);
  CHECK(sum_of(request_for(model, rotating, "mlx_4bit"), Kind::kv_cache, Stage::prefill) ==
        (1024 + 2047) * kPerToken * 2);
}

TEST_CASE("MLX refuses what it cannot load, and several GPUs") {
  const Model model = llama_8b();
  CHECK(estimate(request_for(model, MlxOptions{}, "q4_k_m")).error().path == "/weights");
  LlmRequest two = request_for(model, MlxOptions{}, "mlx_4bit");
  two.machine.count = 2;
  CHECK(estimate(two).error().path == "/gpu/count");
}

TEST_CASE("ExLlama: embeddings in RAM, a cache laid out at once in any of its types") {
  const Model model = llama_8b();
  for (const int generation : {2, 3}) {
    ExLlamaOptions options;
    options.generation = generation;
    const std::string_view weights = generation == 2 ? "exl2" : "exl3";
    CHECK(sum_of(request_for(model, options, weights, 8000), Kind::kv_cache, Stage::load) == 8192 * kPerToken * 2);
    options.k_bits = options.v_bits = 4;
    CHECK(sum_of(request_for(model, options, weights), Kind::kv_cache) == 8192 * kPerToken * 9 / 16);
    options.k_bits = 8;
    CHECK(sum_of(request_for(model, options, weights), Kind::kv_cache) == 8192 * kPerToken * (17 + 9) / 32);
    const Result<LlmEstimate> result = estimate(request_for(model, options, weights));
    REQUIRE(result.ok());
    CHECK(result->ledger.entries.end() !=
          std::find_if(result->ledger.entries.begin(), result->ledger.entries.end(), [](const Entry& e) {
            return e.device == kHost && e.bytes.expected == Bytes{128256} * 4096 * 2;
          }));
  }
}

TEST_CASE("ExLlama over several GPUs loses nothing") {
  const Model model = llama_8b();
  LlmRequest request = request_for(model, ExLlamaOptions{}, "fp16");
  const Bytes weights = sum_of(request, Kind::weights), cache = sum_of(request, Kind::kv_cache);
  for (const int count : {2, 3}) {
    request.machine.count = count;
    request.machine.gpu.memory_bytes = 12 * kGiB;
    CHECK(sum_of(request, Kind::weights) == weights);
    CHECK(sum_of(request, Kind::kv_cache) == cache);
  }
}

TEST_CASE("More context never takes less") {
  const Model model = llama_8b();
  const EngineOptions engines[] = {MlxOptions{}, ExLlamaOptions{}};
  for (const EngineOptions& engine : engines) {
    Bytes before = 0;
    for (const std::int64_t context : {1, 255, 256, 257, 4096, 30000}) {
      const Result<LlmEstimate> result = estimate(request_for(model, engine, "fp16", context));
      REQUIRE(result.ok());
      const Bytes peak = peaks(result->ledger).front().bytes.expected;
      CHECK(peak >= before);
      before = peak;
    }
  }
}
