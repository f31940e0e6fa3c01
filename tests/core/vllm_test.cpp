// vLLM against what real servers printed at start-up.
#include <string>

#include "catch.hpp"
#include "vram/llm.hpp"
#include "vram/read.hpp"

using namespace vram;

namespace {

// Sizes as published in each model's config.json.
constexpr const char* kLlama8B = R"({"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32,
  "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 14336,
  "vocab_size": 128256, "max_position_embeddings": 131072, "torch_dtype": "bfloat16"})";
constexpr const char* kLlama70B = R"({"model_type": "llama", "hidden_size": 8192, "num_hidden_layers": 80,
  "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 28672,
  "vocab_size": 128256, "max_position_embeddings": 131072, "torch_dtype": "bfloat16"})";
constexpr const char* kQwen3_0_6B = R"({"model_type": "qwen3", "hidden_size": 1024, "num_hidden_layers": 28,
  "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 3072,
  "vocab_size": 151936, "max_position_embeddings": 40960, "tie_word_embeddings": true, "torch_dtype": "bfloat16"})";
constexpr const char* kQwen3_32B = R"({"model_type": "qwen3", "hidden_size": 5120, "num_hidden_layers": 64,
  "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 25600,
  "vocab_size": 151936, "max_position_embeddings": 40960, "torch_dtype": "bfloat16"})";
constexpr const char* kQwen2_7B = R"({"model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28,
  "num_attention_heads": 28, "num_key_value_heads": 4, "intermediate_size": 18944, "vocab_size": 152064,
  "max_position_embeddings": 32768, "torch_dtype": "bfloat16"})";

Model model_of(const char* config) {
  Result<Model> model = read_config(config, "/model/config");
  REQUIRE(model.ok());
  return *std::move(model);
}

// One H100 as llm-d's runs saw it: 79.18 GiB, and nothing else on it.
LlmRequest on_h100(const Model& model, std::int64_t context, const char* format = "bf16", int count = 1) {
  LlmRequest request;
  request.model = &model;
  request.weights = *find_weight_format(format);
  request.type_k = request.type_v = find_tensor_type("bf16");
  request.context = context;
  request.engine = VllmOptions{};
  request.machine.gpu.name = "H100";
  request.machine.gpu.vendor = "nvidia";
  request.machine.gpu.compute_capability = "9.0";
  request.machine.gpu.memory_bytes = static_cast<Bytes>(79.18 * static_cast<double>(kGiB));
  request.machine.gpu.memory_bytes_runtime = request.machine.gpu.memory_bytes;
  request.machine.count = count;
  request.profile.runtime_context_low = 400 * kMiB;
  request.profile.runtime_context = 550 * kMiB;
  request.profile.runtime_context_high = 720 * kMiB;
  request.profile.framework_low = 16 * kMiB;
  request.profile.framework = 128 * kMiB;
  request.profile.framework_high = 320 * kMiB;
  return request;
}

LlmEstimate estimated(const LlmRequest& request) {
  Result<LlmEstimate> result = estimate(request);
  if (!result.ok()) FAIL(result.error().path << ": " << result.error().message);
  return *std::move(result);
}

double gib(const LlmEstimate& estimate, Kind kind, int device = 0) {
  double sum = 0;
  for (const Entry& entry : estimate.ledger.entries) {
    if (entry.kind == kind && entry.device == gpu(device)) sum += static_cast<double>(entry.bytes.expected);
  }
  return sum / static_cast<double>(kGiB);
}

double figure(const LlmEstimate& estimate, std::string_view name) {
  for (const Figure& f : estimate.figures) {
    if (f.name == name) return f.number;
  }
  FAIL("no figure " << name);
  return 0;
}

}  // namespace

// llm-d/llm-d-benchmark config_explorer/empirical-vllm-memory-results.md: eight runs on one kind of H100, vLLM 0.11.
TEST_CASE("Weights, activation peak and KV memory of llm-d's H100 runs") {
  struct Run {
    const char* config;
    const char* format;
    int gpus;
    std::int64_t context;
    double weights_gib, activation_gib, kv_gib;
  };
  const Run run = GENERATE(
      Run{kLlama8B, "bf16", 1, 16000, 14.99, 4.76, 51.38}, Run{kQwen3_0_6B, "bf16", 1, 16000, 1.12, 5.56, 64.45},
      Run{kQwen3_0_6B, "bf16", 1, 32000, 1.12, 5.56, 64.45}, Run{kQwen3_32B, "bf16", 1, 16000, 61.03, 5.64, 4.45},
      Run{kLlama70B, "fp8", 2, 16000, 33.88, 4.84, 32.0});
  const Model model = model_of(run.config);
  const LlmEstimate e = estimated(on_h100(model, run.context, run.format, run.gpus));
  CHECK(gib(e, Kind::weights) == Approx(run.weights_gib).epsilon(0.002));
  CHECK(gib(e, Kind::logits) == Approx(run.activation_gib).epsilon(0.01));
  CHECK(figure(e, "available_kv_cache_memory") / static_cast<double>(kGiB) == Approx(run.kv_gib).epsilon(0.01));
}

TEST_CASE("Too little memory is said, in vLLM's way: 70B in FP8 on one H100") {
  const Model model = model_of(kLlama70B);
  const LlmRequest request = on_h100(model, 16000, "fp8");
  const LlmEstimate e = estimated(request);
  CHECK(gib(e, Kind::weights) == Approx(67.72).epsilon(0.002));
  CHECK(figure(e, "available_kv_cache_memory") / static_cast<double>(kGiB) == Approx(-1.44).margin(0.1));
  const Fit fit = check_fit(e.ledger, request.machine);
  CHECK(fit.verdict == Fit::Verdict::does_not_fit);
  REQUIRE(e.warnings.size() == 1);
  CHECK(e.warnings[0].message.find("would not start") != std::string::npos);
}

// dennislee22/vLLM-benchmarking, vLLM 0.10.1.1 on A100: blocks of gpt-oss-120b at TP 4 and the concurrency they allow.
TEST_CASE("gpt-oss-120b: padded experts, two groups of layers, concurrency to the block") {
  const Model model = model_of(R"({"model_type": "gpt_oss", "hidden_size": 2880, "num_hidden_layers": 36,
    "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 2880,
    "num_local_experts": 128, "num_experts_per_tok": 4, "sliding_window": 128, "vocab_size": 201088,
    "max_position_embeddings": 131072, "attention_bias": true, "torch_dtype": "bfloat16",
    "quantization_config": {"quant_method": "mxfp4"}})");
  LlmRequest request = on_h100(model, 16384, "mxfp4", 4);
  request.machine.gpu.name = "A100";
  request.machine.gpu.compute_capability = "8.0";
  const LlmEstimate e = estimated(request);
  CHECK(gib(e, Kind::weights) == Approx(17.2217).epsilon(0.005));
  CHECK(figure(e, "kv_bytes_per_token_per_gpu") == 18432);
  // 330,018 blocks served 284.25 requests of 16,384 tokens and were printed as 2,640,144 tokens.
  const double blocks = figure(e, "num_gpu_blocks");
  CHECK(figure(e, "max_concurrency") / blocks == Approx(284.25 / 330018).epsilon(1e-4));
  CHECK(figure(e, "kv_cache_tokens") / blocks == Approx(2640144.0 / 330018).epsilon(1e-4));
  // Marlin on one H100 took 65.97 GiB, Triton 64.38 (llm-d: 64.38).
  CHECK(gib(estimated(on_h100(model, 4096, "mxfp4")), Kind::weights) == Approx(64.38).epsilon(0.005));
}

// vLLM 0.10.2 on two H200: "Setting attention block size to 544", 7,162 blocks of 44.59 GiB, 973,760 tokens.
TEST_CASE("Qwen3-Next: the attention block grows to the page of the state") {
  const Model model = model_of(R"({"model_type": "qwen3_next", "hidden_size": 2048, "num_hidden_layers": 48,
    "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256, "intermediate_size": 5120,
    "num_experts": 512, "num_experts_per_tok": 10, "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512,
    "decoder_sparse_step": 1, "full_attention_interval": 4, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128,
    "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_value_head_dim": 128, "vocab_size": 151936,
    "max_position_embeddings": 262144, "torch_dtype": "bfloat16"})");
  LlmRequest request = on_h100(model, 262144, "bf16", 2);
  request.machine.gpu.memory_bytes = static_cast<Bytes>(139.81 * static_cast<double>(kGiB));
  request.machine.gpu.memory_bytes_runtime = request.machine.gpu.memory_bytes;
  const LlmEstimate e = estimated(request);
  CHECK(gib(e, Kind::weights) == Approx(74.2812).epsilon(0.003));
  CHECK(gib(e, Kind::logits) == Approx(5.58).epsilon(0.01));
  CHECK(figure(e, "block_size") == 544);
  CHECK(figure(e, "kv_cache_tokens") == Approx(973760).epsilon(0.03));
  CHECK(figure(e, "max_concurrency") == Approx(14.77).epsilon(0.03));
  const double block_bytes = 44.59 * static_cast<double>(kGiB) / 7162;
  CHECK(figure(e, "available_kv_cache_memory") / figure(e, "num_gpu_blocks") == Approx(block_bytes).epsilon(0.001));
}

TEST_CASE("Bytes per token of Qwen2-7B are halved by two GPUs, key-value heads are repeated beyond their number") {
  const Model model = model_of(kQwen2_7B);
  CHECK(figure(estimated(on_h100(model, 16384)), "kv_bytes_per_token_per_gpu") == 57344);  // logs: 57,354
  const LlmEstimate two = estimated(on_h100(model, 16384, "bf16", 2));
  CHECK(figure(two, "kv_bytes_per_token_per_gpu") == 28672);  // logs: 28,669
  CHECK(gib(two, Kind::weights) == Approx(7.1217).epsilon(0.005));
  const Model llama = model_of(kLlama8B);
  const double eight = figure(estimated(on_h100(llama, 8192, "bf16", 8)), "kv_bytes_per_token_per_gpu");
  CHECK(figure(estimated(on_h100(llama, 8192, "bf16", 16)), "kv_bytes_per_token_per_gpu") == eight);
}

TEST_CASE("Ranks together hold the model: sharding loses nothing but repeats norms") {
  const Model model = model_of(kLlama8B);
  const double one = gib(estimated(on_h100(model, 4096)), Kind::weights);
  for (const int tp : {2, 4, 8}) {
    const double all = tp * gib(estimated(on_h100(model, 4096, "bf16", tp)), Kind::weights);
    CHECK(all >= one);
    CHECK(all < one + 0.032 * tp);  // rotary cache (32 MiB) and norms on every rank
  }
  LlmRequest pipeline = on_h100(model, 4096, "bf16", 4);
  VllmOptions options;
  options.pipeline_parallel_size = 4;
  pipeline.engine = options;
  double all = 0;
  for (int i = 0; i < 4; ++i) all += gib(estimated(pipeline), Kind::weights, i);
  CHECK(all == Approx(one + 3 * 0.03125).epsilon(1e-6));
}

TEST_CASE("The ledger of a fitting server fills the GPU at its high bound and never more") {
  const Model model = model_of(kLlama8B);
  LlmRequest request = on_h100(model, 16000);
  const Bytes total = request.machine.gpu.memory_bytes;
  const LlmEstimate e = estimated(request);
  const Fit fit = check_fit(e.ledger, request.machine);
  CHECK(fit.verdict == Fit::Verdict::fits);
  CHECK(peaks(e.ledger).front().bytes.high == total);
  // The longest request that fits does, one token more does not.
  const auto longest = static_cast<std::int64_t>(figure(e, "largest_max_model_len"));
  request.context = longest;
  CHECK(check_fit(estimated(request).ledger, request.machine).verdict != Fit::Verdict::does_not_fit);
  request.context = longest + 1;
  CHECK(check_fit(estimated(request).ledger, request.machine).verdict == Fit::Verdict::does_not_fit);
}

TEST_CASE("What vLLM refuses is refused by name") {
  const Model model = model_of(kLlama8B);
  LlmRequest request = on_h100(model, 4096, "bf16", 3);
  CHECK(estimate(request).error().path == "/engine/tensor_parallel_size");  // 32 heads over 3 GPUs
  VllmOptions options;
  options.gpu_memory_utilization = 1.5;
  request.engine = options;
  CHECK(estimate(request).error().path == "/engine/gpu_memory_utilization");
  options = {};
  options.tensor_parallel_size = 4;
  request.engine = options;
  CHECK(estimate(request).error().path == "/engine/tensor_parallel_size");  // more ranks than GPUs
  options = {};
  options.tensor_parallel_size = 1;
  options.max_model_len = 100;
  request.engine = options;
  CHECK(estimate(request).error().path == "/engine/max_model_len");
  options = {};
  options.tensor_parallel_size = 1;
  options.max_num_seqs = 512;
  options.max_num_batched_tokens = 256;
  request.engine = options;
  CHECK(estimate(request).error().path == "/engine/max_num_batched_tokens");
}
