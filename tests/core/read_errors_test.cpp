// Bad configs: an error that names the field, or a warning that names the key; never a crash.
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "catch.hpp"
#include "json/checked.hpp"
#include "vram/catalogue.hpp"
#include "vram/read.hpp"

using namespace vram;

namespace {

Json llama() {
  return Json::parse(R"({"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
    "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256,"max_position_embeddings":131072})");
}

Result<Model> read(const Json& config) {
  const std::string text = config.dump(-1, ' ', false, Json::error_handler_t::replace);
  return read_config(std::string_view(text), std::string_view("/model/config"));
}

Error error_with(const char* key, const Json& value) {
  Json config = llama();
  config[key] = value;
  const Result<Model> result = read(config);
  INFO(key << " = " << value.dump());
  REQUIRE(!result.ok());
  return result.error();
}

Error error_without(const char* key) {
  Json config = llama();
  config.erase(key);
  const Result<Model> result = read(config);
  INFO("without " << key);
  REQUIRE(!result.ok());
  return result.error();
}

}  // namespace

TEST_CASE("errors name the field") {
  CHECK(error_with("num_key_value_heads", 7).path == "/model/config/num_key_value_heads");
  CHECK(error_with("num_key_value_heads", 7).expected == "a divisor of 32");
  CHECK(error_with("num_key_value_heads", 64).path == "/model/config/num_key_value_heads");
  CHECK(error_with("num_attention_heads", 33).path == "/model/config/num_key_value_heads");
  CHECK(error_with("hidden_size", 4097).path == "/model/config/num_attention_heads");
  for (const char* key :
       {"hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "intermediate_size"}) {
    const std::string path = std::string("/model/config/") + key;
    CHECK(error_without(key).path == path);
    CHECK(error_with(key, nullptr).path == path);
    CHECK(error_with(key, 0).path == path);
    CHECK(error_with(key, -1).path == path);
    CHECK(error_with(key, true).path == path);
    CHECK(error_with(key, "32").path == path);
    CHECK(error_with(key, 32.5).path == path);
    CHECK(error_with(key, 1e18).path == path);
    CHECK(error_with(key, std::uint64_t{1} << 63).path == path);
    CHECK(error_with(key, Json::array({1, 2})).path == path);
  }
  CHECK(error_with("head_dim", 0).path == "/model/config/head_dim");
  CHECK(error_with("tie_word_embeddings", 1).path == "/model/config/tie_word_embeddings");
  CHECK(error_with("torch_dtype", "int3").path == "/model/config/torch_dtype");
  CHECK(error_with("layer_types", Json::array({"full_attention"})).path == "/model/config/layer_types");
  CHECK(error_with("layer_types", "full").path == "/model/config/layer_types");
  CHECK(error_with("layer_types", Json(std::vector<std::string>(32, "telepathy"))).path ==
        "/model/config/layer_types/0");
  CHECK(error_with("n_embd", 2048).path == "/model/config/n_embd");
  CHECK(error_with("quantization_config", 4).path == "/model/config/quantization_config");
}

TEST_CASE("experts must make sense") {
  Json config =
      Json::parse(R"({"model_type":"mixtral","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
    "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":32000,"num_local_experts":8,"num_experts_per_tok":9})");
  CHECK(read(config).error().path == "/model/config/num_experts_per_tok");
  config.erase("num_experts_per_tok");
  CHECK(read(config).error().path == "/model/config/num_experts_per_tok");
  config["num_experts_per_tok"] = 0;
  CHECK(read(config).error().path == "/model/config/num_experts_per_tok");
}

TEST_CASE("an unknown model_type is refused, not guessed") {
  const Error error = error_with("model_type", "llama9");
  CHECK(error.path == "/model/config/model_type");
  CHECK(error.value == "\"llama9\"");
  CHECK(error.message.find("resemble llama") != std::string::npos);
  CHECK(error.expected.find("mixtral") != std::string::npos);
  CHECK(error_without("model_type").path == "/model/config/model_type");
  CHECK(!read(Json::array()).ok());
  CHECK(!read(Json(7)).ok());
}

TEST_CASE("null counts as absent") {
  Json config = llama();
  config["head_dim"] = nullptr;
  config["sliding_window"] = nullptr;
  config["quantization_config"] = nullptr;
  REQUIRE(read(config).ok());
  CHECK(read(config)->warnings.empty());
}

TEST_CASE("keys that look structural and are not understood are named") {
  for (const char* key : {"num_memory_layers", "kv_compression_ratio", "router_heads_dim", "sliding_window", "n_loops",
                          "expert_rank", "cross_layer_interval"}) {
    Json config = llama();
    config[key] = 4;
    const Result<Model> result = read(config);
    INFO(key);
    REQUIRE(result.ok());
    REQUIRE(result->warnings.size() == 1);
    CHECK(result->warnings[0].path == std::string("/model/config/") + key);
  }
  Json config = llama();
  config["rope_theta"] = 500000.0;
  config["use_cache"] = true;
  config["bos_token_id"] = 1;
  CHECK(read(config)->warnings.empty());
}

TEST_CASE("models too large for arithmetic are refused") {
  Json config = llama();
  config["hidden_size"] = 4'194'304;
  config["num_hidden_layers"] = 4096;
  config["intermediate_size"] = 4'194'304;
  const Result<Model> result = read(config);
  REQUIRE(!result.ok());
  CHECK(result.error().message.find("1e15") != std::string::npos);
}

TEST_CASE("Python's Infinity in a config is no obstacle") {
  std::string text = llama().dump();
  text.insert(1, R"("time_step_limit":[0.0,Infinity],"note":"NaN \" Infinity",)");
  CHECK(read_config(std::string_view(text), std::string_view("")).ok());
}

TEST_CASE("thousands of mutated configs: an answer or an error with a path") {
  std::mt19937 random(20261121);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  std::vector<Json> configs;
  for (const CatalogueRow& row : model_rows()) configs.push_back(Json::parse(row.json).at("config"));
  REQUIRE(!configs.empty());
  const std::vector<Json> values = {0,
                                    1,
                                    2,
                                    3,
                                    7,
                                    -1,
                                    64,
                                    4096,
                                    1e18,
                                    4194304,
                                    0.5,
                                    1e308,
                                    std::uint64_t{0} - 1,
                                    true,
                                    false,
                                    nullptr,
                                    "",
                                    "auto",
                                    "x",
                                    Json::array(),
                                    Json::array({1, 2}),
                                    Json::array({nullptr}),
                                    Json::object(),
                                    Json{{"a", 1}},
                                    std::string(300, 'y')};
  int answered = 0;
  for (int round = 0; round < 6000; ++round) {
    Json config = configs[pick(configs.size())];
    const std::size_t mutations = 1 + pick(3);
    for (std::size_t i = 0; i < mutations; ++i) {
      Json* object = &config;
      while (true) {  // walk down into a random value
        if (object->empty() || !object->is_structured()) break;
        auto at = object->begin();
        std::advance(at, static_cast<std::ptrdiff_t>(pick(object->size())));
        if (at->is_structured() && pick(3) != 0) {
          object = &*at;
          continue;
        }
        const std::size_t what = pick(4);
        if (what == 0) {
          object->erase(at);
        } else {
          *at = values[pick(values.size())];
        }
        break;
      }
    }
    const Result<Model> result = read(config);
    if (result.ok()) {
      ++answered;
      CHECK(parameters(*result) > 0);
      CHECK(parameters(*result) <= 1'000'000'000'000'000);
    } else if (result.error().path.rfind("/model/config", 0) != 0 || result.error().message.empty()) {
      FAIL("an error without a path: " << config.dump());
    }
  }
  CHECK(answered > 500);
}
