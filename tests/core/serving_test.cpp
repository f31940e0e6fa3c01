// What servers split, and what changed from release to release.
#include <random>
#include <string>

#include "catch.hpp"
#include "llm/engines/vllm_rules.hpp"
#include "llm/sharding.hpp"
#include "vram/llm.hpp"
#include "vram/read.hpp"

using namespace vram;

namespace {

Model model_of(const std::string& config) {
  Result<Model> model = read_config(config, "/model/config");
  REQUIRE(model.ok());
  return *std::move(model);
}

LlmRequest on(const Model& model, const char* name, const char* capability, double gib, int count = 1) {
  LlmRequest request;
  request.model = &model;
  request.weights = *find_weight_format("bf16");
  request.type_k = request.type_v = find_tensor_type("bf16");
  request.context = 8192;
  request.engine = VllmOptions{};
  request.machine.gpu.name = name;
  request.machine.gpu.compute_capability = capability;
  request.machine.gpu.memory_bytes = static_cast<Bytes>(gib * static_cast<double>(kGiB));
  request.machine.count = count;
  return request;
}

LlmEstimate estimated(const LlmRequest& request) {
  Result<LlmEstimate> result = estimate(request);
  if (!result.ok()) FAIL(result.error().path << ": " << result.error().message);
  return *std::move(result);
}

double figure(const LlmEstimate& estimate, std::string_view name) {
  for (const Figure& f : estimate.figures) {
    if (f.name == name) return f.number;
  }
  FAIL("no figure " << name);
  return 0;
}

VllmOptions filled(const LlmRequest& request, const char* version) {
  LlmRequest asked = request;
  VllmOptions options = std::get<VllmOptions>(request.engine);
  options.version = *parse_vllm_version(version);
  asked.engine = options;
  return std::get<VllmOptions>(effective_options(asked));
}

constexpr const char* kLlama8B = R"({"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32,
  "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
  "max_position_embeddings": 131072, "torch_dtype": "bfloat16"})";
constexpr const char* kDeepSeekV3 = R"({"model_type": "deepseek_v3", "hidden_size": 7168, "num_hidden_layers": 61,
  "num_attention_heads": 128, "num_key_value_heads": 128, "q_lora_rank": 1536, "kv_lora_rank": 512,
  "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "intermediate_size": 18432,
  "moe_intermediate_size": 2048, "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8,
  "first_k_dense_replace": 3, "num_nextn_predict_layers": 1, "vocab_size": 129280, "max_position_embeddings": 163840,
  "torch_dtype": "bfloat16"})";

// A random decoder: dense or with experts, grouped heads, widths that some splits do not divide.
std::string random_config(std::mt19937& random) {
  const auto pick = [&](std::initializer_list<int> from) {
    return std::to_string(*(from.begin() + random() % from.size()));
  };
  const bool experts = random() % 2 == 0;
  std::string config = R"({"torch_dtype": "bfloat16", "max_position_embeddings": 8192, "head_dim": )" +
                       pick({64, 96, 128}) + R"(, "hidden_size": )" + pick({1024, 2048, 2880, 4096}) +
                       R"(, "num_hidden_layers": )" + pick({5, 8, 13, 24}) + R"(, "num_attention_heads": )" +
                       pick({16, 32, 64}) + R"(, "num_key_value_heads": )" + pick({1, 2, 4, 8, 16}) +
                       R"(, "vocab_size": )" + pick({32000, 32001, 50257, 151936}) + R"(, "tie_word_embeddings": )" +
                       (random() % 2 ? "true" : "false");
  config += R"(, "intermediate_size": )" + pick({2816, 5504, 8191, 14336});
  if (experts) {
    config += R"(, "model_type": "qwen3_moe", "num_experts": )" + pick({8, 60, 128}) +
              R"(, "num_experts_per_tok": 4, "decoder_sparse_step": 1, "moe_intermediate_size": )" + pick({768, 1001}) +
              "}";
  } else {
    config += R"(, "model_type": "llama"})";
  }
  return config;
}

bool is_repeated(const Tensor& tensor) {
  return tensor.is_1d() || tensor.role == Role::ffn_gate_inp || tensor.role == Role::norm;
}

}  // namespace

TEST_CASE("splitting loses no byte: what ranks hold is the whole, its named repetitions and padding below one row") {
  std::mt19937 random(20261121);
  for (int round = 0; round < 60; ++round) {
    const Model model = model_of(random_config(random));
    const std::int64_t tp = std::int64_t{1} << (random() % 5);
    const std::int64_t pp = 1 + static_cast<std::int64_t>(random() % 4);
    const std::int64_t dp = std::int64_t{1} << (random() % 3);
    const Split split{tp, tp * dp, random() % 2 == 0, pp};
    CAPTURE(round, tp, pp, dp, split.whole_experts);
    for (const Tensor& tensor : model.tensors) {
      std::int64_t stages = 0;
      for (int stage = 0; stage < pp; ++stage) stages += on_stage(model, tensor, split, stage) ? 1 : 0;
      const bool tied = tensor.role == Role::token_embd && model.tie_word_embeddings && pp > 1;
      CHECK(stages == (tied ? 2 : 1));
      const Tensor held = shard(model, tensor, split);
      const std::int64_t ranks = is_routed_expert(tensor.role) ? split.experts : tp;
      const std::int64_t together = ranks * held.elements();
      CHECK(together >= tensor.elements());
      if (is_repeated(tensor)) {
        CHECK(held.elements() == tensor.elements());
        continue;
      }
      if (tensor.role == Role::attn_k || tensor.role == Role::attn_v) {
        const std::int64_t kv = model.layers.front().attention->num_key_value_heads;
        CHECK(together ==
              tensor.elements() * std::max<std::int64_t>(1, tp / kv));  // heads repeated beyond their number
        continue;
      }
      // Rounded up to whole rows, columns or experts; the vocabulary to 64 first.
      const std::int64_t vocabulary = tensor.role == Role::token_embd || tensor.role == Role::output ? 64 : 0;
      const std::int64_t largest_step =
          std::max({tensor.elements() / tensor.ne0, tensor.elements() / tensor.ne1, tensor.elements() / tensor.ne2});
      CHECK(together - tensor.elements() < (ranks + vocabulary) * largest_step);
    }
  }
}

TEST_CASE("every layer is on exactly one stage of a pipeline") {
  for (const std::int64_t layers : {1, 5, 28, 61, 80}) {
    for (std::int64_t pp = 1; pp <= std::min<std::int64_t>(layers, 8); ++pp) {
      std::int64_t next = 0;
      for (int stage = 0; stage < pp; ++stage) {
        const StageLayers own = layers_of_stage(stage, layers, pp);
        CHECK(own.first == next);
        CHECK(own.last > own.first);
        next = own.last;
      }
      CHECK(next == layers);
    }
  }
}

TEST_CASE("the ranks of every layout hold the whole model") {
  const Model model = model_of(kDeepSeekV3);
  LlmRequest request = on(model, "H200", "9.0", 139.8, 16);
  request.weights = *find_weight_format("fp8_block");
  const auto all = [&](const VllmOptions& options) {
    request.engine = options;
    double sum = 0;
    for (const Entry& entry : estimated(request).ledger.entries) {
      if (entry.kind == Kind::weights) sum += static_cast<double>(entry.bytes.expected);
    }
    return sum / static_cast<double>(kGiB);
  };
  VllmOptions tp16;
  const double split = all(tp16);
  VllmOptions ep = tp16;
  ep.enable_expert_parallel = true;
  CHECK(all(ep) == Approx(split).epsilon(0.001));  // whole experts or slices of all
  VllmOptions dp = ep;
  dp.data_parallel_size = 16;
  dp.tensor_parallel_size = 1;
  CHECK(all(dp) > split + 100);  // attention on every rank
  CHECK(all(dp) < split + 16 * 17);
  const double whole =
      static_cast<double>(weight_bytes(model, request.weights, Part::text)) / static_cast<double>(kGiB);
  CHECK(split >= whole);
}

TEST_CASE("versions are read as they are written") {
  CHECK(parse_vllm_version("0.8.5") == VllmVersion{0, 8, 5});
  CHECK(parse_vllm_version("v0.10.1.1") == VllmVersion{0, 10, 1});
  CHECK(parse_vllm_version("0.8.5.post1") == VllmVersion{0, 8, 5});
  CHECK(parse_vllm_version("0.11.0rc1") == VllmVersion{0, 11, 0});
  CHECK(*parse_vllm_version("0.9") > VllmVersion{0, 9, 2});
  for (const char* wrong : {"", "0", "0.", "new", "0.8.x", "0.8.5beta", "-1.2", "0.99999"}) {
    CHECK_FALSE(parse_vllm_version(wrong).has_value());
  }
}

TEST_CASE("defaults of vLLM by version and GPU") {
  const Model model = model_of(kLlama8B);
  const LlmRequest h100 = on(model, "H100 80GB HBM3", "9.0", 79.2);
  const LlmRequest a100 = on(model, "A100-SXM4-80GB", "8.0", 79.2);
  const LlmRequest t4 = on(model, "Tesla T4", "7.5", 14.6);
  CHECK(filled(h100, "0.7.3").use_v1 == false);
  CHECK(filled(h100, "0.8.4").max_num_seqs == 1024);
  CHECK(filled(a100, "0.8.4").max_num_seqs == 256);
  CHECK(filled(a100, "0.8.5").max_num_batched_tokens == 8192);
  CHECK(filled(a100, "0.9.0").max_num_batched_tokens == 2048);
  CHECK(filled(h100, "0.11.0").max_num_batched_tokens == 8192);
  CHECK(filled(t4, "0.10.2").use_v1 == false);
  CHECK(filled(t4, "0.10.2").max_num_batched_tokens == 8192);  // V0 takes a whole prompt of max_model_len
  CHECK(filled(t4, "0.11.0").use_v1 == true);
  CHECK(filled(h100, "0.20").gpu_memory_utilization == 0.9);
  CHECK(filled(h100, "0.21").gpu_memory_utilization == 0.92);
  LlmRequest longer = h100;
  longer.context = 65536;
  CHECK(filled(longer, "0.6.4").max_num_batched_tokens == 512);
  CHECK(filled(longer, "0.6.6").max_num_batched_tokens == 2048);
}

TEST_CASE("the cache of latent attention by version") {
  const Model model = model_of(kDeepSeekV3);
  LlmRequest request = on(model, "H200", "9.0", 139.8, 8);
  request.weights = *find_weight_format("fp8_block");
  const auto bytes = [&](const char* version) {
    VllmOptions options;
    options.version = *parse_vllm_version(version);
    request.engine = options;
    return figure(estimated(request), "kv_bytes_per_token_per_gpu");
  };
  CHECK(bytes("0.6.6") == 61 * 2 * 16 * 256 * 2);  // full keys and values, heads of 256
  CHECK(bytes("0.7.3") == 61 * 640 * 2);           // padded to 256 bytes: 78,080; logs: 78,084
  CHECK(bytes("0.8.5") == 61 * 576 * 2);
  CHECK(filled(request, "0.8.5").block_size == 64);
  CHECK(filled(request, "0.7.3").block_size == 16);
}

TEST_CASE("options of vLLM that move memory") {
  const Model model = model_of(kLlama8B);
  LlmRequest request = on(model, "A100-SXM4-40GB", "8.0", 39.4);
  const auto with = [&](auto change) {
    VllmOptions options;
    change(options);
    request.engine = options;
    return estimated(request);
  };
  const LlmEstimate plain = with([](VllmOptions&) {});
  const double kv = figure(plain, "available_kv_cache_memory");
  SECTION("adapters take what their matrices take") {
    const LlmEstimate lora = with([](VllmOptions& o) {
      o.enable_lora = true;
      o.max_loras = 2;
      o.max_lora_rank = 32;
    });
    // q and o 4096 + 4096, k and v 4096 + 1024, gate, up and down 4096 + 14336, in 32 layers, 16 bits
    const double slots = 2.0 * 32 * 32 * 2 * (2 * 8192 + 2 * 5120 + 3 * 18432);
    CHECK(kv - figure(lora, "available_kv_cache_memory") == Approx(slots));
  }
  SECTION("weights kept in RAM make room") {
    const LlmEstimate offloaded = with([](VllmOptions& o) { o.cpu_offload_gb = 4; });
    CHECK(figure(offloaded, "available_kv_cache_memory") - kv == Approx(4.0 * static_cast<double>(kGiB)));
    bool host = false;
    for (const Entry& entry : offloaded.ledger.entries) {
      if (entry.device == kHost && entry.kind == Kind::weights) host = entry.bytes.expected == 4 * kGiB;
    }
    CHECK(host);
  }
  SECTION("a cache of given size is that size") {
    const LlmEstimate given = with([](VllmOptions& o) { o.kv_cache_memory_bytes = 2 * kGiB; });
    CHECK(figure(given, "num_gpu_blocks") == 2.0 * kGiB / (16 * 131072));
    // "tight" where the records' scatter reaches beyond the GPU; what is expected fits.
    CHECK(check_fit(given.ledger, request.machine).headroom_bytes >= 0);
    request.sequences = 3;  // 3 GiB of cache
    CHECK(check_fit(with([](VllmOptions& o) { o.kv_cache_memory_bytes = 2 * kGiB; }).ledger, request.machine).verdict ==
          Fit::Verdict::does_not_fit);
  }
  SECTION("a draft brings its weights and its layers' cache") {
    const auto draft = std::make_shared<const Model>(model_of(R"({"model_type": "llama", "hidden_size": 2048,
      "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 8192,
      "vocab_size": 128256, "max_position_embeddings": 8192, "torch_dtype": "bfloat16", "tie_word_embeddings": true})"));
    const LlmEstimate speculative = with([&](VllmOptions& o) {
      o.speculative_config.method = Speculation::Method::draft_model;
      o.speculative_config.draft = draft;
    });
    CHECK(figure(speculative, "kv_bytes_per_token_per_gpu") == 131072 + 16 * 2 * 8 * 64 * 2);
    CHECK(kv - figure(speculative, "available_kv_cache_memory") > 2e9);
  }
  SECTION("a sampler that does not sort leaves more for the cache") {
    const LlmEstimate drawn = with([](VllmOptions& o) { o.use_flashinfer_sampler = true; });
    CHECK(figure(drawn, "available_kv_cache_memory") > kv);
  }
}

TEST_CASE("impossible set-ups of servers are errors that say what would do") {
  const Model model = model_of(kLlama8B);
  const LlmRequest request = on(model, "H100", "9.0", 79.2, 4);
  const auto refusal = [&](const EngineOptions& engine) {
    LlmRequest asked = request;
    asked.engine = engine;
    const Result<LlmEstimate> result = estimate(asked);
    if (result.ok()) return Error{};
    CHECK_FALSE(result.error().expected.empty());
    return result.error();
  };
  const auto vllm = [&](auto change) {
    VllmOptions options;
    change(options);
    return refusal(options).path;
  };
  CHECK(vllm([](VllmOptions& o) { o.enable_expert_parallel = true; }) == "/engine/enable_expert_parallel");
  CHECK(vllm([](VllmOptions& o) { o.pipeline_parallel_size = 40; }) == "/engine/pipeline_parallel_size");
  CHECK(vllm([](VllmOptions& o) { o.data_parallel_size = 8; }) == "/engine/data_parallel_size");
  CHECK(vllm([](VllmOptions& o) { o.decode_context_parallel_size = 2; }) == "/engine/decode_context_parallel_size");
  CHECK(vllm([](VllmOptions& o) { o.block_size = 24; }) == "/engine/block_size");
  CHECK(vllm([](VllmOptions& o) {
          o.block_size = 64;
          o.max_num_batched_tokens = 48;
          o.max_num_seqs = 16;
        }) == "/engine/max_num_batched_tokens");
  CHECK(vllm([](VllmOptions& o) {
          o.enable_chunked_prefill = false;
          o.max_num_batched_tokens = 4096;
        }) == "/engine/max_num_batched_tokens");
  CHECK(vllm([](VllmOptions& o) {
          o.enable_lora = true;
          o.max_lora_rank = 20;
        }) == "/engine/max_lora_rank");
  CHECK(vllm([](VllmOptions& o) { o.speculative_config.method = Speculation::Method::mtp; }) ==
        "/engine/speculative_config/method");
  CHECK(vllm([](VllmOptions& o) { o.version = {0, 5, 0}; }) == "/engine/version");
  CHECK(vllm([](VllmOptions& o) { o.use_v1 = false; }) == "/engine/use_v1");
  SglangOptions sglang;
  sglang.ep_size = 2;
  CHECK(refusal(sglang).path == "/engine/ep_size");
  sglang = {};
  sglang.tp_size = 3;
  CHECK(refusal(sglang).path == "/engine/tp_size");
  sglang = {};
  sglang.dp_size = 2;
  CHECK(refusal(sglang).path == "/engine/dp_size");
  TensorRtLlmOptions trt;
  trt.tokens_per_block = 48;
  CHECK(refusal(trt).path == "/engine/tokens_per_block");
  trt = {};
  trt.moe_expert_parallel_size = 2;
  CHECK(refusal(trt).path == "/engine/moe_expert_parallel_size");
}

// GLM-4.7-Flash on two GPUs: 383,872 tokens of 54,153 bytes (19.36 GB in the log), latents not divided.
TEST_CASE("SGLang: bytes per token of a log, the share it derives, pools that hold what they say") {
  const Model glm = model_of(R"({"model_type": "deepseek_v3", "hidden_size": 2048, "num_hidden_layers": 47,
    "num_attention_heads": 20, "num_key_value_heads": 20, "q_lora_rank": 768, "kv_lora_rank": 512,
    "qk_nope_head_dim": 192, "qk_rope_head_dim": 64, "v_head_dim": 256, "intermediate_size": 10240,
    "moe_intermediate_size": 1536, "n_routed_experts": 64, "n_shared_experts": 1, "num_experts_per_tok": 4,
    "first_k_dense_replace": 1, "vocab_size": 154880, "max_position_embeddings": 202752, "torch_dtype": "bfloat16"})");
  LlmRequest request = on(glm, "910B", "", 64, 2);
  request.engine = SglangOptions{};
  CHECK(figure(estimated(request), "kv_bytes_per_token_per_gpu") == Approx(54153).epsilon(0.001));

  const Model model = model_of(kLlama8B);
  LlmRequest h100 = on(model, "H100", "9.0", 79.65);
  h100.engine = SglangOptions{};
  const auto options = std::get<SglangOptions>(effective_options(h100));
  CHECK(options.chunked_prefill_size == 8192);
  CHECK(options.cuda_graph_max_bs == 256);
  CHECK(options.mem_fraction_static == Approx(0.829).margin(0.01));
  const LlmEstimate e = estimated(h100);
  const double tokens = figure(e, "max_total_num_tokens");
  CHECK(tokens * 131072 <= figure(e, "available_kv_cache_memory"));
  CHECK((tokens + 1) * 131072 > figure(e, "available_kv_cache_memory"));
  h100.context = static_cast<std::int64_t>(tokens);
  CHECK(check_fit(estimated(h100).ledger, h100.machine).verdict != Fit::Verdict::does_not_fit);
  h100.context = static_cast<std::int64_t>(tokens) + 1;
  CHECK(check_fit(estimated(h100).ledger, h100.machine).verdict == Fit::Verdict::does_not_fit);
}

TEST_CASE("TensorRT-LLM: a fraction of what is left, in whole blocks") {
  const Model model = model_of(kLlama8B);
  LlmRequest request = on(model, "L4", "8.9", 22.18);
  TensorRtLlmOptions options;
  options.tokens_per_block = 64;
  options.max_tokens = 5248;
  request.context = 4096;
  request.engine = options;
  const LlmEstimate e = estimated(request);
  CHECK(figure(e, "num_gpu_blocks") == 82);
  CHECK(figure(e, "kv_cache_tokens") == 5248);
  request.sequences = 2;
  CHECK(check_fit(estimated(request).ledger, request.machine).verdict == Fit::Verdict::does_not_fit);
}
