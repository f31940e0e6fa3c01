// transformers against sums done by hand.
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

LlmRequest request_for(const Model& model, std::int64_t context, TransformersOptions options = {}) {
  LlmRequest request;
  request.model = &model;
  request.weights = *find_weight_format("bf16");
  request.type_k = request.type_v = find_tensor_type("bf16");
  request.context = context;
  request.engine = options;
  request.machine.gpu.memory_bytes = 80 * kGiB;
  return request;
}

Interval sum_of(const LlmRequest& request, Kind kind, Stage stage = Stage::prefill) {
  const Result<LlmEstimate> result = estimate(request);
  REQUIRE(result.ok());
  Interval sum;
  for (const Entry& entry : result->ledger.entries) {
    if (entry.kind == kind && entry.stages.contains(stage)) sum = sum + entry.bytes;
  }
  return sum;
}

}  // namespace

TEST_CASE("Weights and cache of Llama-3.1-8B") {
  const Model model = llama_8b();
  CHECK(sum_of(request_for(model, 8192), Kind::weights) == Interval::exact(Bytes{8'030'261'248} * 2));
  CHECK(sum_of(request_for(model, 8192), Kind::kv_cache).expected == kGiB);
  TransformersOptions fixed;
  fixed.cache_implementation = TransformersOptions::CacheImplementation::static_cache;
  CHECK(sum_of(request_for(model, 8192, fixed), Kind::kv_cache) == Interval::exact(kGiB));
  TransformersOptions beams;
  beams.num_beams = 4;
  CHECK(sum_of(request_for(model, 8192, beams), Kind::kv_cache).expected == 4 * kGiB);
}

TEST_CASE("The feed-forward decides with SDPA: embeddings, inputs and three tensors as wide as it") {
  const Model model = llama_8b();
  const Bytes tokens = 8192;
  CHECK(sum_of(request_for(model, tokens), Kind::activations).low == tokens * 2 * (4 * 4096 + 3 * 14336));
}

TEST_CASE("Eager attention holds 16-bit scores, the 32-bit softmax and its 16-bit copy at once") {
  const Model model = llama_8b();
  TransformersOptions eager;
  eager.attn_implementation = TransformersOptions::AttnImplementation::eager;
  const Bytes n = 8192;
  const Bytes square = 32 * n * n;
  const Interval peak = sum_of(request_for(model, n, eager), Kind::activations);
  CHECK(peak.low > 8 * square);
  CHECK(peak.low < 8 * square + square / 4);
  CHECK(peak.low <= peak.expected);
}

TEST_CASE("Logits of a whole prompt take six bytes an element, those of one token next to nothing") {
  const Model model = llama_8b();
  TransformersOptions old;
  old.logits_of_whole_prompt = true;
  const Bytes n = 8192;
  const LlmRequest before = request_for(model, n, old);
  const Bytes together = sum_of(before, Kind::logits).expected + sum_of(before, Kind::activations).expected;
  const Bytes by_hand = n * (128256 * 6 + 4096 * 2);
  CHECK(together >= by_hand);
  CHECK(together <= by_hand + 2 * kMiB);  // the allocator's segment for the last token's scores
  CHECK(sum_of(request_for(model, n), Kind::logits).low == 0);
}

TEST_CASE("Several GPUs hold whole layers and lose nothing") {
  const Model model = llama_8b();
  LlmRequest request = request_for(model, 4096);
  const Bytes weights = sum_of(request, Kind::weights).expected;
  const Bytes cache = sum_of(request, Kind::kv_cache).expected;
  for (const int count : {2, 3, 8}) {
    request.machine.count = count;
    CHECK(sum_of(request, Kind::weights).expected == weights);
    CHECK(sum_of(request, Kind::kv_cache).expected == cache);
  }
}

TEST_CASE("Latent attention is cached expanded, GGUF is unpacked") {
  Result<Model> model = read_config(R"({"model_type": "deepseek_v2", "hidden_size": 2048, "num_hidden_layers": 27,
    "num_attention_heads": 16, "num_key_value_heads": 16, "intermediate_size": 10944, "moe_intermediate_size": 1408,
    "n_routed_experts": 64, "num_experts_per_tok": 6, "n_shared_experts": 2, "first_k_dense_replace": 1,
    "moe_layer_freq": 1, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
    "q_lora_rank": null, "vocab_size": 102400, "max_position_embeddings": 163840, "torch_dtype": "bfloat16"})",
                                    "/model/config");
  REQUIRE(model.ok());
  LlmRequest request = request_for(*model, 1000);
  CHECK(sum_of(request, Kind::kv_cache).expected == Bytes{1000} * 27 * 16 * (192 + 128) * 2);
  const Bytes unpacked = sum_of(request, Kind::weights).expected;
  request.weights = *find_weight_format("q4_k_m");
  CHECK(sum_of(request, Kind::weights).expected == unpacked);
}

TEST_CASE("Offloading moves whole layers and loses nothing; a GPU never gets more than it was given") {
  const Model model = llama_8b();
  LlmRequest request = request_for(model, 2048);
  const Bytes weights = sum_of(request, Kind::weights).expected;
  TransformersOptions options;
  options.cpu_memory_gib = 8;
  options.offload_to_disk = true;
  for (const double gib : {2.0, 5.0, 9.0}) {
    options.max_memory_gib = gib;
    request.engine = options;
    const Result<LlmEstimate> result = estimate(request);
    REQUIRE(result.ok());
    Bytes stored = 0, on_gpu = 0;
    for (const Entry& entry : result->ledger.entries) {
      if (entry.kind != Kind::weights || entry.label.starts_with("Offloaded weights, ")) continue;
      stored += entry.bytes.expected;
      if (entry.device.type == Device::Type::gpu) on_gpu += entry.bytes.expected;
    }
    CHECK(stored == weights);
    CHECK(static_cast<double>(on_gpu) <= gib * static_cast<double>(kGiB));
  }
}

TEST_CASE("A window's cache keeps the whole prompt until the first token, and before 4.56 for good") {
  Result<Model> model = read_config(R"({"model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 14336,
    "vocab_size": 32000, "max_position_embeddings": 32768, "sliding_window": 4096, "torch_dtype": "bfloat16"})",
                                    "/model/config");
  REQUIRE(model.ok());
  LlmRequest request = request_for(*model, 16384);
  const Bytes per_token = Bytes{32} * 2 * 1024 * 2;
  CHECK(sum_of(request, Kind::kv_cache, Stage::prefill).low == 16384 * per_token);
  CHECK(sum_of(request, Kind::kv_cache, Stage::decode).low == 4096 * per_token);
  TransformersOptions old;
  old.version = 455;
  request.engine = old;
  CHECK(sum_of(request, Kind::kv_cache, Stage::decode).low == 16384 * per_token);
}

TEST_CASE("More context or more rows never take less") {
  const Model model = llama_8b();
  using Cache = TransformersOptions::CacheImplementation;
  for (const Cache cache : {Cache::dynamic_cache, Cache::static_cache, Cache::offloaded, Cache::quantized}) {
    TransformersOptions options;
    options.cache_implementation = cache;
    Bytes before = 0;
    for (const std::int64_t context : {64, 1000, 1001, 4096, 20000}) {
      const Result<LlmEstimate> result = estimate(request_for(model, context, options));
      REQUIRE(result.ok());
      const Bytes peak = peaks(result->ledger).front().bytes.expected;
      CHECK(peak >= before);
      before = peak;
    }
  }
}
