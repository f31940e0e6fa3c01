#include "vram/api.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"

using Json = nlohmann::json;

namespace {

Json answer(const Json& request) { return Json::parse(vram::call(request.dump())); }

// An estimate of a small, plain model, to be varied.
Json plain_request() {
  return Json::parse(
      R"({"op": "estimate", "engine": {"name": "ideal"}, "weights": "fp16", "kv_cache": "f16", "context": 4096,
    "model": {"config": {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
      "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 131072,
      "tie_word_embeddings": false, "torch_dtype": "bfloat16", "rms_norm_eps": 1e-05, "rope_theta": 500000.0}},
    "gpu": {"memory_gib": 24}})");
}

}  // namespace

TEST_CASE("an estimate carries the whole contract, in a fixed order") {
  const std::string text = vram::call(plain_request().dump());
  const Json response = Json::parse(text);
  INFO(text);
  REQUIRE(response["ok"] == true);
  CHECK(response["op"] == "estimate");
  CHECK(response["model"]["parameters"] == 8030261248);
  CHECK(response["model"]["num_hidden_layers"] == 32);
  CHECK(response["model"]["kv_bytes_per_token"]["full"] == 131072);  // 2 * 32 layers * 8 heads * 128 * 2 bytes
  CHECK(response["weights"]["bytes"] == 2 * 8030261248);
  CHECK(response["weights"]["bits_per_weight"] == 16);
  CHECK(response["gpu"]["memory_bytes"] == Json::parse("25769803776"));
  CHECK(response["fits"] == true);
  const auto before = [&](const char* a, const char* b) { return text.find(a) < text.find(b); };
  CHECK(before("\"model\":", "\"weights\":"));
  CHECK(before("\"engine\":", "\"ledger\":"));
  CHECK(before("\"ledger\":", "\"fits\":"));
  CHECK(before("\"fits\":", "\"warnings\":"));
  CHECK(vram::call(plain_request().dump()) == text);
}

TEST_CASE("without a GPU there is a ledger and no verdict") {
  Json request = plain_request();
  request.erase("gpu");
  request["also"] = {"max_context", "max_batch"};
  const Json response = answer(request);
  INFO(response.dump());
  REQUIRE(response["ok"] == true);
  for (const char* key :
       {"gpu", "fits", "verdict", "headroom_bytes", "first_that_does_not_fit", "max_context", "max_batch"}) {
    REQUIRE(response.contains(key));
    CHECK(response[key].is_null());
  }
  request.erase("also");
  request["op"] = "max_context";
  CHECK(answer(request)["error"]["path"] == "/gpu");
}
