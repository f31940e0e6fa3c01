// The inverse problems, and what must hold of every estimate, on seeded random requests.
#include "vram/solve.hpp"

#include <nlohmann/json.hpp>
#include <random>

#include "catch.hpp"
#include "vram/api.hpp"

using Json = nlohmann::json;

namespace {

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  // The same on every platform, unlike std::uniform_int_distribution.
  std::int64_t upto(std::int64_t n) { return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(n + 1)); }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[upto(static_cast<std::int64_t>(values.size()) - 1)];
  }

 private:
  std::mt19937_64 engine_;
};

Json random_model(Dice& dice) {
  const std::int64_t heads = dice.one_of<std::int64_t>({8, 16, 32, 40, 64});
  const std::int64_t head_dim = dice.one_of<std::int64_t>({64, 96, 128});
  return {{"config",
           {{"model_type", dice.one_of<const char*>({"llama", "qwen2", "qwen3", "mistral"})},
            {"hidden_size", heads * head_dim},
            {"intermediate_size", 256 * (8 + dice.upto(80))},
            {"num_hidden_layers", 2 + dice.upto(60)},
            {"num_attention_heads", heads},
            {"num_key_value_heads", dice.one_of<std::int64_t>({1, 2, 4, 8})},
            {"head_dim", head_dim},
            {"vocab_size", 32000 + 256 * dice.upto(600)},
            {"max_position_embeddings", 131072},
            {"torch_dtype", dice.one_of<const char*>({"bfloat16", "float16"})}}}};
}

Json random_request(Dice& dice) {
  Json request{{"op", "estimate"}, {"model", random_model(dice)}};
  const char* engine = dice.one_of<const char*>({"ideal", "llama.cpp", "vllm", "transformers"});
  const bool gguf = std::string_view(engine) == "llama.cpp";
  request["engine"]["name"] = engine;
  request["weights"] = gguf ? dice.one_of<const char*>({"q4_k_m", "q8_0", "q2_k", "iq4_xs", "gguf_f16"})
                            : dice.one_of<const char*>({"bf16", "fp8_e4m3", "awq", "gptq", "bnb_nf4", "fp32"});
  request["context"] = 1 + dice.upto(40000);
  request["sequences"] = 1 + dice.upto(12);
  request["gpu"] = {{"memory_gib", 1 + dice.upto(100)}, {"count", dice.one_of<int>({1, 1, 1, 2})}};
  return request;
}

Json answer(const Json& request) { return Json::parse(vram::call(request.dump())); }

std::int64_t gpu_peak(const Json& response) {
  std::int64_t most = 0;
  for (const Json& peak : response["ledger"]["peaks"]) {
    if (peak["device"].get<std::string>().rfind("gpu", 0) == 0) {
      most = std::max(most, peak["bytes"]["expected"].get<std::int64_t>());
    }
  }
  return most;
}

std::int64_t bytes_of(const Json& response, std::string_view kind) {
  std::int64_t sum = 0;
  for (const Json& entry : response["ledger"]["entries"]) {
    if (entry["kind"] == kind) sum += entry["bytes"]["expected"].get<std::int64_t>();
  }
  return sum;
}

}  // namespace

TEST_CASE("caches and weights grow with context, sequences and bits") {
  Dice dice(1);
  int answered = 0;
  for (int i = 0; i < 600; ++i) {
    const Json request = random_request(dice);
    const Json base = answer(request);
    if (base["ok"] != true) continue;  // what an engine refuses is checked elsewhere
    ++answered;
    INFO(request.dump());
    Json longer = request;
    longer["context"] = request["context"].get<std::int64_t>() + 1 + dice.upto(20000);
    Json more = request;
    more["sequences"] = request["sequences"].get<std::int64_t>() + 1;
    Json wider = request;
    wider["weights"] = "fp32";
    if (request["engine"]["name"] == "llama.cpp") wider["weights"] = "gguf_f16";
    const Json a = answer(longer), b = answer(more), c = answer(wider);
    if (a["ok"] == true) CHECK(bytes_of(a, "kv_cache") >= bytes_of(base, "kv_cache"));
    if (b["ok"] == true) CHECK(bytes_of(b, "kv_cache") >= bytes_of(base, "kv_cache"));
    if (c["ok"] == true) CHECK(bytes_of(c, "weights") >= bytes_of(base, "weights"));
    for (const Json& entry : base["ledger"]["entries"]) {
      CHECK(entry["bytes"]["low"] <= entry["bytes"]["expected"]);
      CHECK(entry["bytes"]["expected"] <= entry["bytes"]["high"]);
      CHECK(entry["bytes"]["low"] >= 0);
      CHECK_FALSE(entry["source"].get<std::string>().empty());
    }
    CHECK((base["fits"] == true) == (gpu_peak(base) <= base["gpu"]["memory_bytes"]));
    CHECK(base["headroom_bytes"] == base["gpu"]["memory_bytes"].get<std::int64_t>() - gpu_peak(base));
    CHECK(base["first_that_does_not_fit"].is_null() == (base["fits"] == true));
  }
  CHECK(answered >= 450);
}

TEST_CASE("the largest value fits, and one more does not") {
  Dice dice(2);
  int memory_bound = 0;
  for (int i = 0; i < 240; ++i) {
    Json request = random_request(dice);
    const bool by_context = i % 2 == 0;
    const char* op = by_context ? "max_context" : "max_batch";
    const char* knob = by_context ? "context" : "sequences";
    request["op"] = op;
    const Json found = answer(request);
    if (found["ok"] != true) continue;
    INFO(request.dump());
    const Json& largest = found[op];
    const auto value = largest["value"].get<std::int64_t>();
    CHECK(found["fits"] == (value > 0));
    CHECK(found[knob] == std::max<std::int64_t>(1, value));
    request["op"] = "estimate";
    if (value > 0) {
      request[knob] = value;
      CHECK(answer(request)["fits"] == true);
    }
    if (largest["bounded_by"] == "memory") {
      ++memory_bound;
      request[knob] = value + 1;
      const Json next = answer(request);
      CHECK(next["fits"] == false);
      CHECK(next["first_that_does_not_fit"]["kind"] == largest["blocked_by"]["kind"]);
    } else {
      CHECK(largest["value"] == largest["limit"]);
    }
  }
  CHECK(memory_bound >= 150);
}

TEST_CASE("the engine's own options bound the search") {
  Dice dice(3);
  Json request{
      {"op", "max_context"}, {"model", random_model(dice)}, {"weights", "q4_k_m"}, {"gpu", {{"memory_gib", 1000}}}};
  request["engine"] = {{"name", "llama.cpp"}, {"n_ctx", 16384}};
  request["sequences"] = 2;
  CHECK(answer(request)["max_context"]["value"] == 8192);
  CHECK(answer(request)["max_context"]["bounded_by"] == "limit");
  request["engine"] = {{"name", "vllm"}, {"max_model_len", 4096}};
  request["weights"] = "bf16";
  CHECK(answer(request)["max_context"]["value"] == 4096);
  request["op"] = "max_batch";
  request["engine"] = {{"name", "vllm"}, {"max_num_seqs", 16}};
  CHECK(answer(request)["max_batch"]["value"] == 16);
}

TEST_CASE("advice fits, is sorted, and says no size twice") {
  Dice dice(4);
  int advised = 0;
  for (int i = 0; i < 60; ++i) {
    Json request = random_request(dice);
    request["also"] = {"advice"};
    const Json response = answer(request);
    if (response["ok"] != true) continue;
    INFO(request.dump());
    CHECK(response["advice"].size() <= 8);
    for (const Json& one : response["advice"]) {
      ++advised;
      INFO(one.dump());
      Json check = request;
      check.erase("also");
      check["gpu"] = {{"id", one["gpu"]["id"]}, {"count", one["gpu"]["count"]}};
      const Json there = answer(check);
      CHECK(there["fits"] == true);
      CHECK(there["verdict"] == one["verdict"]);
      CHECK(there["headroom_bytes"] == one["headroom_bytes"]);
    }
  }
  CHECK(advised >= 200);
}
