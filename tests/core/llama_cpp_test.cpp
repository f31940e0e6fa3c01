#include "catch.hpp"
#include "llm/engines/llama_cpp/compute.hpp"
#include "llm/engines/llama_cpp/repetition.hpp"
#include "vram/llm.hpp"
#include "vram/read.hpp"

using namespace vram;

namespace {

Model model_of(std::string_view config) {
  auto model = read_config(config, "");
  REQUIRE(model.ok());
  return *model;
}

const char* const kLlama8b = R"({"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
  "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
  "max_position_embeddings": 8192, "torch_dtype": "bfloat16"})";

LlmRequest request_for(const Model& model, LlamaCppOptions options, std::int64_t context = 8192) {
  LlmRequest request;
  request.model = &model;
  request.weights = *find_weight_format("q4_k_m");
  request.type_k = request.type_v = find_tensor_type("f16");
  request.context = context;
  request.engine = options;
  return request;
}

Bytes sum_of(const LlmEstimate& estimate, Kind kind, Device device) {
  Bytes sum = 0;
  for (const Entry& entry : estimate.ledger.entries) {
    if (entry.kind == kind && entry.device == device) sum += entry.bytes.expected;
  }
  return sum;
}

}  // namespace

// Every number below is what llama.cpp v0.5.0 (de3ff81) itself allocates for this shape on its CUDA backend.
TEST_CASE("Llama 3 8B at 8192 tokens: every buffer to the byte") {
  const Model model = model_of(kLlama8b);
  LlamaCppOptions options;
  options.kv_unified = false;
  const auto estimate = vram::estimate(request_for(model, options));
  REQUIRE(estimate.ok());
  CHECK(sum_of(*estimate, Kind::weights, gpu()) == 4617396224);
  CHECK(sum_of(*estimate, Kind::kv_cache, gpu()) == 1073741824);
  CHECK(sum_of(*estimate, Kind::weights, kHost) == 295501824);
  CHECK(sum_of(*estimate, Kind::output_buffer, kHost) == 4 * 128256);
}

TEST_CASE("the compute buffer follows micro-batch, outputs and flash attention") {
  const Model model = model_of(kLlama8b);
  const auto compute = [&](LlamaCppOptions options) {
    const auto estimate = vram::estimate(request_for(model, options));
    REQUIRE(estimate.ok());
    return sum_of(*estimate, Kind::compute_buffer, gpu());
  };
  LlamaCppOptions options;
  options.n_ubatch = 2048;
  CHECK(compute(options) == 1084227584);
  options = {};
  options.n_outputs_max = 1;
  CHECK(compute(options) == 121645184);
  options = {};
  options.flash_attn = false;
  CHECK(compute(options) == 591405056);
}

TEST_CASE("two GPUs: a real load lies within the bounds") {
  // TinyLlama 1.1B, Q2_K, 2048 tokens, one output: 72392704 and 72393216 bytes when loaded for real, 89170432 on the
  // second GPU by the engine's dry run.
  const Model model = model_of(R"({"model_type": "llama", "hidden_size": 2048, "intermediate_size": 5632,
    "num_hidden_layers": 22, "num_attention_heads": 32, "num_key_value_heads": 4, "vocab_size": 32000,
    "max_position_embeddings": 2048, "torch_dtype": "bfloat16", "tie_word_embeddings": false})");
  LlamaCppOptions options;
  options.n_outputs_max = 1;
  options.kv_unified = false;
  LlmRequest request = request_for(model, options, 2048);
  request.weights = *find_weight_format("q2_k");
  request.machine.count = 2;
  const auto estimate = vram::estimate(request);
  REQUIRE(estimate.ok());
  for (const Entry& entry : estimate->ledger.entries) {
    if (entry.kind != Kind::compute_buffer) continue;
    if (entry.device == gpu(0)) CHECK(entry.bytes == Interval::exact(72392704));
    if (entry.device == gpu(1)) CHECK(entry.bytes == Interval{72393216, 89170432, 89170432});
  }
  CHECK(sum_of(*estimate, Kind::weights, gpu(0)) == 194248704);
  CHECK(sum_of(*estimate, Kind::weights, gpu(1)) == 215642112);
}

TEST_CASE("leaving repeated layers out changes nothing") {
  const char* const gemma = R"({"model_type": "gemma3_text", "hidden_size": 1152, "intermediate_size": 6912,
    "num_hidden_layers": 62, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256, "vocab_size": 262144,
    "sliding_window": 512, "sliding_window_pattern": 6, "max_position_embeddings": 32768, "torch_dtype": "bfloat16"})";
  for (const char* config : {kLlama8b, gemma}) {
    const Model model = model_of(config);
    const llama_cpp::Repetition repetition = llama_cpp::shorten(model);
    CHECK(repetition.left_out.layers > 0);
    CHECK(repetition.kept.size() + static_cast<std::size_t>(repetition.left_out.layers) == model.layers.size());
    for (const bool flash : {true, false}) {
      LlamaCppOptions options;
      options.flash_attn = flash;
      const LlmRequest request = request_for(model, options);
      const llama_cpp::Settings settings = llama_cpp::settle(request, options);
      const llama_cpp::WeightPlan plan = llama_cpp::plan_weights(model, request.weights);
      const llama_cpp::Placement place = llama_cpp::place_layers(model, settings, 1);
      llama_cpp::GraphFamilies graphs;
      const auto short_one = llama_cpp::compute_buffers(request, settings, place, plan, graphs);
      const auto long_one = llama_cpp::compute_buffers(request, settings, place, plan, graphs, /*every_layer=*/true);
      CHECK(short_one.gpu == long_one.gpu);
      CHECK(short_one.host == long_one.host);
    }
  }
}

TEST_CASE("sliding windows keep window and micro-batch, padded to 256") {
  const Model model = model_of(R"({"model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880,
    "num_hidden_layers": 2, "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 201088,
    "num_local_experts": 32, "num_experts_per_tok": 4, "sliding_window": 128, "max_position_embeddings": 131072,
    "layer_types": ["sliding_attention", "full_attention"], "attention_bias": true})");
  LlamaCppOptions options;
  options.n_seq_max = 4;
  const auto cells = [&](bool unified, bool full) {
    options.kv_unified = unified;
    options.swa_full = full;
    const auto estimate = vram::estimate(request_for(model, options, 4096));
    REQUIRE(estimate.ok());
    for (const Entry& entry : estimate->ledger.entries) {
      if (entry.label == "KV cache, sliding-window layers") return entry.bytes.expected / (2 * 2 * 8 * 64);
    }
    return Bytes{0};
  };
  CHECK(cells(true, false) == 1024);      // 4 x 128 + 512
  CHECK(cells(false, false) == 4 * 768);  // four streams of 128 + 512, padded
  CHECK(cells(true, true) == 4096);
}

TEST_CASE("what llama.cpp would refuse is an error with a name") {
  const Model model = model_of(kLlama8b);
  LlamaCppOptions options;
  options.flash_attn = false;
  LlmRequest request = request_for(model, options);
  request.type_v = find_tensor_type("q8_0");
  CHECK(vram::estimate(request).error().path == "/kv_cache/v");
  request = request_for(model, {});
  request.type_k = find_tensor_type("fp8_e4m3");
  CHECK(vram::estimate(request).error().path == "/kv_cache/k");
  request = request_for(model, {});
  request.weights = *find_weight_format("awq");
  CHECK(vram::estimate(request).error().path == "/weights");
  request = request_for(model, {});
  request.sequences = 300;
  CHECK(vram::estimate(request).error().path == "/sequences");
  Model unknown = model;
  unknown.gguf_arch.clear();
  unknown.model_type = "mystery";
  CHECK(vram::estimate(request_for(unknown, {})).error().path == "/engine/name");
}

TEST_CASE("an architecture without a graph of its own gets a warning and a wide interval") {
  Model model = model_of(kLlama8b);
  model.gguf_arch = "someday";
  const auto estimate = vram::estimate(request_for(model, {}));
  REQUIRE(estimate.ok());
  CHECK(estimate->warnings.size() == 1);
  for (const Entry& entry : estimate->ledger.entries) {
    if (entry.kind == Kind::compute_buffer) CHECK(entry.bytes.low * 4 <= entry.bytes.high + 4);
  }
}

TEST_CASE("layers in RAM: the last ones go to the GPU, the head first") {
  const Model model = model_of(kLlama8b);
  LlamaCppOptions options;
  options.n_gpu_layers = 1;
  const auto one = vram::estimate(request_for(model, options));
  REQUIRE(one.ok());
  CHECK(sum_of(*one, Kind::kv_cache, gpu()) == 0);
  CHECK(sum_of(*one, Kind::weights, gpu()) == 430940160 + 16384);  // output matrix in Q6_K and its norm
  options.n_gpu_layers = 3;
  const auto three = vram::estimate(request_for(model, options));
  REQUIRE(three.ok());
  CHECK(sum_of(*three, Kind::kv_cache, gpu()) == 2 * 2 * 2 * 1024 * 8192);
}
