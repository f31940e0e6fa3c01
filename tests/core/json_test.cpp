// Bad input of every kind: always an answer, always valid JSON, always soon.
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>

#include "catch.hpp"
#include "json/writer.hpp"
#include "vram/api.hpp"

using Json = nlohmann::json;

namespace {

const std::string kRequest =
    R"({"op":"estimate","model":{"config":{"model_type":"llama","hidden_size":1024,"intermediate_size":4096,)"
    R"("num_hidden_layers":4,"num_attention_heads":16,"num_key_value_heads":4,"vocab_size":32000,"torch_dtype":"bfloat16"}},)"
    R"("weights":"q4_k_m","kv_cache":{"k":"q8_0","v":"f16"},"context":4096,"sequences":2,"engine":{"name":"llama.cpp",)"
    R"("n_ubatch":512,"flash_attn":true},"gpu":{"id":"rtx-4090","count":2},"profile":"auto","also":["max_context","advice"]})";

// The answer, checked for what must hold of every answer.
Json answer(std::string_view request) {
  const std::string text = vram::call(request);
  INFO(text.substr(0, 500));
  REQUIRE(Json::accept(text));
  Json response = Json::parse(text);
  REQUIRE(response.contains("ok"));
  if (response["ok"] == false) {
    REQUIRE(response["error"]["message"].is_string());
    CHECK_FALSE(response["error"]["message"].get<std::string>().empty());
    CHECK(text.size() < 8192);
    CHECK(response["error"]["message"].get<std::string>().find("internal error") == std::string::npos);
  }
  return response;
}

}  // namespace

TEST_CASE("giant, deep, cut and binary requests are refused with a reason") {
  const auto start = std::chrono::steady_clock::now();
  CHECK(answer("")["ok"] == false);
  CHECK(answer(" ")["ok"] == false);
  CHECK(answer(std::string_view("\0", 1))["ok"] == false);
  CHECK(answer("\xEF\xBB\xBF{\"op\":\"version\"}")["ok"] == true);  // a byte order mark is harmless
  CHECK(answer(std::string(50u << 20, ' '))["error"]["expected"] == "at most 8388608 bytes (8 MiB)");
  CHECK(answer("{\"op\":\"" + std::string(50u << 20, 'x') + "\"}")["ok"] == false);
  CHECK(answer("{\"op\":\"" + std::string(7u << 20, 'x') + "\"}")["error"]["path"] == "/op");
  CHECK(answer(std::string(10'000, '[') + std::string(10'000, ']'))["error"]["expected"] == "at most 64 levels");
  CHECK(answer(std::string(1'000'000, '{'))["ok"] == false);
  CHECK(answer("{\"op\":\"\xff\xfe\"}")["ok"] == false);
  CHECK(answer("{\"\xc3\":1}")["ok"] == false);
  CHECK(answer("{\"op\":\"version\",\"" + std::string(1000, 'k') + "\":1}")["ok"] == false);
  CHECK(answer("{\"op\":\"version\",\"a\xC3\xA4" + std::string(100, 'k') + "\":1}")["ok"] == false);
  for (std::size_t length = 0; length < kRequest.size(); ++length)
    CHECK(answer(kRequest.substr(0, length))["ok"] == false);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST_CASE("a request with any bytes changed is answered") {
  REQUIRE(answer(kRequest)["ok"] == true);
  std::mt19937_64 engine(7);
  int answered = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string text = kRequest;
    const std::uint64_t changes = 1 + engine() % 4;
    for (std::uint64_t c = 0; c < changes; ++c) {
      const std::size_t at = engine() % text.size();
      switch (engine() % 4) {
        case 0: text[at] = static_cast<char>(engine() % 256); break;
        case 1: text.erase(at, 1 + engine() % 5); break;
        case 2: text.insert(at, 1, "0123456789-.eE{}[]\",:"[engine() % 21]); break;
        default: text[at] = "0123456789"[engine() % 10]; break;
      }
      if (text.empty()) break;
    }
    answered += answer(text)["ok"] == true;
  }
  CHECK(answered > 100);  // the changes are not all fatal: digits of numbers were among them
}

TEST_CASE("any value in the place of any other is answered") {
  const Json request = Json::parse(kRequest);
  const Json flat = request.flatten();
  const Json strange[] = {nullptr,
                          true,
                          -1,
                          0,
                          1e18,
                          -0.0,
                          0.5,
                          1e308,
                          9223372036854775807,
                          18446744073709551615u,
                          "",
                          "8192",
                          Json::array(),
                          Json::object(),
                          Json::array({1, 2}),
                          "\xC3\xA4",
                          std::string(100'000, 'a')};
  for (const auto& [where, old] : flat.items()) {
    for (const Json& value : strange) {
      Json changed = request;
      changed[Json::json_pointer(where)] = value;
      INFO(where << " = " << value.dump().substr(0, 80));
      const Json response = answer(changed.dump());
      // What is refused is refused at its place, or where it contradicts something.
      if (response["ok"] == false) CHECK(response["error"]["path"].is_string());
    }
  }
}

TEST_CASE("numbers are written as JSON has them, whole ones as integers") {
  vram::JsonWriter out(64);
  out.begin_array()
      .value(0.1)
      .value(4.0)
      .value(-0.0)
      .value(1e300)
      .value(9007199254740991.0)
      .value(std::int64_t{-5})
      .value(true);
  out.value("a\"\\\n\x01ä").null().begin_object().end_object().end_array();
  CHECK(out.take() == "[0.1,4,0,1e+300,9007199254740991,-5,true,\"a\\\"\\\\\\n\\u0001ä\",null,{}]");
}
