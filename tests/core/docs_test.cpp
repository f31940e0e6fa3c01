// docs/api.md is true: its requests are sent, its answers found, and its keys exist.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "catch.hpp"
#include "vram/api.hpp"
#include "vram/catalogue.hpp"

using Json = nlohmann::json;

namespace {

std::string read(const char* path) {
  std::ifstream stream(std::string(VRAM_SOURCE_DIR "/") + path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// The text of every fenced block with this mark, and where it starts.
struct Block {
  std::string mark;
  std::string text;
};

std::vector<Block> blocks(const std::string& document) {
  std::vector<Block> result;
  std::istringstream lines(document);
  std::string line;
  bool inside = false;
  while (std::getline(lines, line)) {
    if (line.rfind("```", 0) == 0) {
      if (!inside) result.push_back({line.substr(3), ""});
      inside = !inside;
    } else if (inside) {
      result.back().text += line + "\n";
    }
  }
  return result;
}

}  // namespace

TEST_CASE("the examples of docs/api.md are answered as it says") {
  int examples = 0;
  std::string last_request;
  for (const Block& block : blocks(read("docs/api.md"))) {
    if (block.mark == "json request") last_request = block.text;
    if (block.mark != "json answer") continue;
    INFO(last_request);
    if (last_request.find("llama-3.1-8b") != std::string::npos &&
        vram::find_row(vram::model_rows(), "llama-3.1-8b") == nullptr) {
      WARN("no catalogue of models: the example that names one is left out");
      continue;
    }
    const std::string text = vram::call(last_request);
    INFO(text.substr(0, 1000));
    const Json response = Json::parse(text);
    const Json expected = Json::parse(block.text);
    REQUIRE_FALSE(expected.empty());
    for (const auto& [where, wanted] : expected.items()) {
      INFO(where);
      REQUIRE(response.contains(Json::json_pointer(where)));
      CHECK(response[Json::json_pointer(where)] == wanted);
    }
    ++examples;
  }
  CHECK(examples >= 8);
}

// Every quoted key of the response's description is a key of a real response, and the other way round.
TEST_CASE("the response is described key by key") {
  std::string described;
  for (const Block& block : blocks(read("docs/api.md"))) {
    if (block.mark == "text") described += block.text;
  }
  const Json response = Json::parse(vram::call(
      R"({"op": "max_context", "model": {"manual": {"parameters_billion": 8, "num_hidden_layers": 36, "num_key_value_heads": 8,
          "head_dim": 128}}, "weights": "bf16", "gpu": {"memory_gib": 24}, "engine": {"name": "ideal"},
          "also": ["max_batch", "advice", "references"]})"));
  REQUIRE(response["ok"] == true);
  for (const auto& [key, value] : response.items()) {
    INFO(key);
    CHECK(described.find("\"" + key + "\"") != std::string::npos);
    if (!value.is_object() || key == "max_batch") continue;
    for (const auto& [inner, unused] : value.items()) {
      INFO(key << "/" << inner);
      CHECK(described.find("\"" + inner + "\"") != std::string::npos);
    }
  }
}

// The keys that the schema lists for an object, against those of a real one.
TEST_CASE("the schema is valid JSON and lists the keys of request and response") {
  const Json schema = Json::parse(read("docs/api.schema.json"));
  CHECK(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema");
  const Json response = Json::parse(vram::call(
      R"({"op": "max_context", "model": {"manual": {"parameters_billion": 8, "num_hidden_layers": 36, "num_key_value_heads": 8,
          "head_dim": 128}}, "weights": "bf16", "gpu": {"memory_gib": 24}, "engine": {"name": "ideal"},
          "also": ["max_batch", "advice", "references"]})"));
  const Json& known = schema["$defs"]["estimate_response"]["properties"];
  for (const auto& [key, value] : response.items()) {
    INFO(key);
    CHECK(known.contains(key));
  }
  for (const Json& key : schema["$defs"]["estimate_response"]["required"])
    CHECK(response.contains(key.get<std::string>()));
  const Json swept = Json::parse(vram::call(
      R"({"op": "sweep", "model": {"manual": {"parameters_billion": 8, "num_hidden_layers": 36, "num_key_value_heads": 8,
          "head_dim": 128}}, "weights": "bf16", "gpu": {"memory_gib": 24}, "engine": {"name": "ideal"}, "terms": ["weights"],
          "also": ["max_batch", "max_context"], "axes": [{"path": "/context", "values": [1]}]})"));
  const Json& columns = schema["$defs"]["sweep_response"];
  CHECK(swept.size() == columns["properties"].size());
  for (const Json& key : columns["required"]) CHECK(swept.contains(key.get<std::string>()));
  for (const auto& [key, value] : swept.items()) CHECK(columns["properties"].contains(key));
  // Each key of the schema's request is known to the border: a wrong type is complained about, not the key.
  for (const auto& [key, unused] : schema["$defs"]["estimate_request"]["properties"].items()) {
    if (key == "op") continue;
    Json request{
        {"op", "estimate"},
        {"model",
         {{"manual",
           {{"parameters_billion", 1}, {"num_hidden_layers", 1}, {"num_key_value_heads", 1}, {"head_dim", 1}}}}}};
    request[key] = 3.25;
    const Json refused = Json::parse(vram::call(request.dump()));
    INFO(refused.dump());
    CHECK(refused["error"]["message"].get<std::string>().find("unknown key") == std::string::npos);
    CHECK(refused["error"]["path"] == "/" + key);
  }
  for (const auto& engine : schema["$defs"]["engine"]["oneOf"]) {
    Json request{
        {"op", "estimate"},
        {"model",
         {{"manual",
           {{"parameters_billion", 1}, {"num_hidden_layers", 1}, {"num_key_value_heads", 1}, {"head_dim", 1}}}}}};
    const Json& name = engine["properties"]["name"];
    request["engine"]["name"] = name.contains("const") ? name["const"] : name["enum"][0];
    for (const auto& [key, form] : engine["properties"].items()) {
      if (key == "name") continue;
      request["engine"][key] = form.value("type", "") == "array" ? Json(3.25) : Json::array();  // of the wrong type
      const Json refused = Json::parse(vram::call(request.dump()));
      INFO(refused.dump());
      CHECK(refused["error"]["path"] == "/engine/" + key);
      CHECK(refused["error"]["message"].get<std::string>().find("unknown key") == std::string::npos);
      request["engine"].erase(key);
    }
  }
}
