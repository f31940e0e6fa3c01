// A sweep is many estimates: every cell says what the estimate of that cell's request says.
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "catch.hpp"
#include "vram/api.hpp"
#include "vram/catalogue.hpp"

using Json = nlohmann::json;

namespace {

Json answer(const Json& request) { return Json::parse(vram::call(request.dump())); }

Json with(Json request, const std::string& path, const Json& value) {
  request[Json::json_pointer(path)] = value;
  return request;
}

// The estimate of one cell, against its row of the columns.
void check_cell(const Json& swept, std::size_t cell, const Json& estimated) {
  if (!estimated["ok"].get<bool>()) {
    CHECK(swept["verdicts"][swept["verdict"][cell].get<std::size_t>()] == "refused");
    CHECK(swept["expected"][cell].is_null());
    return;
  }
  Json fullest;
  Json host = 0;
  for (const Json& peak : estimated["ledger"]["peaks"]) {
    const std::string device = peak["device"];
    if (device == "host") host = peak["bytes"]["expected"];
    if (device.rfind("gpu", 0) != 0) continue;
    if (fullest.is_null() || peak["bytes"]["expected"] > fullest["bytes"]["expected"]) fullest = peak;
  }
  CHECK(swept["low"][cell] == fullest["bytes"]["low"]);
  CHECK(swept["expected"][cell] == fullest["bytes"]["expected"]);
  CHECK(swept["high"][cell] == fullest["bytes"]["high"]);
  CHECK(swept["host_bytes"][cell] == host);
  CHECK(swept["headroom_bytes"][cell] == estimated["headroom_bytes"]);
  const Json& verdict = swept["verdicts"][swept["verdict"][cell].get<std::size_t>()];
  CHECK(verdict == (estimated["verdict"].is_null() ? Json("no_gpu") : estimated["verdict"]));
  for (const auto& [kind, column] : swept["terms"].items()) {
    Json sum = 0;
    for (const Json& entry : estimated["ledger"]["entries"]) {
      const Json& stages = entry["stages"];
      const bool alive = std::find(stages.begin(), stages.end(), fullest["stage"]) != stages.end();
      if (entry["kind"] == kind && entry["device"] == fullest["device"] && alive) {
        sum = sum.get<std::int64_t>() + entry["bytes"]["expected"].get<std::int64_t>();
      }
    }
    CHECK(column[cell] == sum);
  }
}

const Json kTerms = {"weights", "kv_cache", "compute_buffer", "recurrent_state", "activations", "runtime_context"};

// What may be an axis, and values for it; some do not go together, and those cells are refused.
const std::vector<std::pair<std::string, Json>> kKnobs = {
    {"/context", {1, 255, 256, 300, 2048, 4097, 8192, 20000, 65536, 131072, 1000000}},
    {"/sequences", {1, 2, 3, 8, 64, 257}},
    {"/weights", {"q4_k_m", "q8_0", "bf16", "awq", nullptr, {{"format", "exl2"}, {"bits_per_weight", 4.5}}}},
    {"/kv_cache", {"f16", "q8_0", "f32", {{"k", "q8_0"}, {"v", "q4_0"}}, nullptr}},
    {"/gpu", {{{"id", "rtx-4090"}}, {{"id", "h100-sxm"}, {"count", 2}}, {{"memory_gib", 12}}, nullptr}},
    {"/gpu/count", {1, 2, 3, 8}},
    {"/engine/name", {"llama.cpp", "vllm", "transformers", "ideal"}},
    {"/profile", {"auto", "headless_linux"}},
};
const std::vector<std::pair<std::string, Json>> kLlamaKnobs = {
    {"/engine/n_ubatch", {1, 31, 512, 2048}}, {"/engine/n_gpu_layers", {0, 5, 17, -1}},
    {"/engine/flash_attn", {true, false}},    {"/engine/kv_unified", {true, false}},
    {"/engine/n_cpu_moe", {0, 3, -1}},        {"/engine/swa_full", {true, false}},
    {"/engine/offload_kqv", {true, false}},   {"/engine/n_ctx", {0, 4096, 100000}},
};
const std::vector<std::pair<std::string, Json>> kVllmKnobs = {
    {"/engine/max_num_seqs", {16, 256}},
    {"/engine/max_num_batched_tokens", {2048, 16384}},
    {"/engine/gpu_memory_utilization", {0.5, 0.9}},
    {"/engine/tensor_parallel_size", {1, 2, 3}},
    {"/engine/enforce_eager", {true, false}},
    {"/engine/block_size", {16, 32}},
};

std::vector<Json> some_models() {
  std::vector<Json> models = {
      {{"manual",
        {{"parameters_billion", 8}, {"num_hidden_layers", 36}, {"num_key_value_heads", 8}, {"head_dim", 128}}}}};
  for (const char* id : {"llama-3.1-8b", "gemma-3-12b", "qwen3-30b-a3b", "deepseek-v2-lite", "gpt-oss-20b",
                         "mamba2-780m", "qwen3-next-80b-a3b", "falcon-h1-7b", "llama-3.1-70b"}) {
    if (vram::find_row(vram::model_rows(), id) != nullptr) models.push_back({{"id", id}});
  }
  return models;
}

}  // namespace

TEST_CASE("a sweep says cell by cell what estimates say") {
  std::mt19937 random(20251121);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::vector<Json> models = some_models();
  std::size_t checked = 0, refused = 0;
  for (int round = 0; round < 60; ++round) {
    auto knobs = kKnobs;
    Json request = {{"op", "sweep"}, {"model", models[pick(models.size())]}, {"gpu", {{"id", "rtx-4090"}}}};
    const std::size_t engine = pick(4);
    if (engine <= 1) {
      request["engine"]["name"] = engine == 0 ? "llama.cpp" : "vllm";
      const auto& own = engine == 0 ? kLlamaKnobs : kVllmKnobs;
      knobs.insert(knobs.end(), own.begin(), own.end());
      knobs.erase(std::find_if(knobs.begin(), knobs.end(), [](const auto& k) { return k.first == "/engine/name"; }));
    }
    if (vram::find_row(vram::gpu_rows(), "rtx-4090") == nullptr) request["gpu"] = {{"memory_gib", 24}};
    request["weights"] = engine == 0 ? "q4_k_m" : "bf16";
    if (pick(2) == 0) request["sequences"] = 4;
    knobs.push_back({"/model", Json(models)});
    std::shuffle(knobs.begin(), knobs.end(), random);
    request["axes"] = Json::array();
    for (std::size_t a = 0; a < 1 + pick(3); ++a) {
      if (a > 0 && knobs[a].first.rfind(knobs[0].first + "/", 0) == 0) continue;
      bool clash = false;
      for (const Json& axis : request["axes"]) {
        const std::string other = axis["path"];
        clash = clash || other.rfind(knobs[a].first + "/", 0) == 0 || knobs[a].first.rfind(other + "/", 0) == 0;
      }
      if (!clash) request["axes"].push_back({{"path", knobs[a].first}, {"values", knobs[a].second}});
    }
    request["terms"] = kTerms;
    INFO(request.dump());
    const Json swept = answer(request);
    Json base = request;
    for (const char* own : {"axes", "terms"}) base.erase(own);
    base["op"] = "estimate";
    if (!swept["ok"].get<bool>()) {  // every cell is refused
      Json cell = base;
      for (const Json& axis : request["axes"]) cell = with(cell, axis["path"], axis["values"][0]);
      CHECK(answer(cell)["error"] == swept["error"]);
      continue;
    }
    std::size_t cells = 1;
    for (const Json& length : swept["shape"]) cells *= length.get<std::size_t>();
    REQUIRE(swept["expected"].size() == cells);
    REQUIRE(swept["cells"] == cells);
    for (int probe = 0; probe < 25; ++probe) {
      const std::size_t cell = pick(cells);
      Json one = base;
      std::size_t rest = cell;
      for (std::size_t a = request["axes"].size(); a-- > 0;) {
        const Json& axis = request["axes"][a];
        one = with(one, axis["path"], axis["values"][rest % axis["values"].size()]);
        rest /= axis["values"].size();
      }
      INFO(one.dump());
      const Json estimated = answer(one);
      check_cell(swept, cell, estimated);
      refused += estimated["ok"].get<bool>() ? 0 : 1;
      ++checked;
    }
  }
  CHECK(checked >= 1000);
  CHECK(refused < checked / 2);
}

TEST_CASE("searches in a sweep are those of max_context and max_batch") {
  Json request = {{"op", "sweep"},
                  {"model", some_models().front()},
                  {"weights", "q4_k_m"},
                  {"gpu", {{"memory_gib", 16}}},
                  {"also", {"max_context", "max_batch"}}};
  request["axes"] = {{{"path", "/kv_cache"}, {"values", {"f16", "q8_0"}}},
                     {{"path", "/context"}, {"values", {2048, 8192, 100000}}}};
  const Json swept = answer(request);
  for (std::size_t cell = 0; cell < 6; ++cell) {
    Json one = request;
    for (const char* own : {"axes", "also"}) one.erase(own);
    one["kv_cache"] = cell < 3 ? "f16" : "q8_0";
    one["context"] = request["axes"][1]["values"][cell % 3];
    one["op"] = "max_context";
    CHECK(swept["max_context"][cell] == answer(one)["max_context"]["value"]);
    one["op"] = "max_batch";
    CHECK(swept["max_batch"][cell] == answer(one)["max_batch"]["value"]);
  }
}

TEST_CASE("points of an axis are spread evenly, or by equal factors") {
  const Json manual = {
      {"manual",
       {{"parameters_billion", 8}, {"num_hidden_layers", 36}, {"num_key_value_heads", 8}, {"head_dim", 128}}}};
  const auto values = [&](Json axis) {
    const Json swept = answer(
        {{"op", "sweep"}, {"model", manual}, {"weights", "fp8"}, {"engine", {{"name", "ideal"}}}, {"axes", {axis}}});
    INFO(swept.dump());
    REQUIRE(swept["ok"].get<bool>());
    return swept["axes"][0]["values"];
  };
  CHECK(values({{"path", "/context"}, {"from", 1024}, {"to", 131072}, {"steps", 8}, {"scale", "log"}}) ==
        Json({1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072}));
  CHECK(values({{"path", "/context"}, {"from", 100}, {"to", 0.5e3}, {"steps", 5}}) == Json({100, 200, 300, 400, 500}));
  CHECK(values({{"path", "/gpu/memory_gib"}, {"from", 0.5}, {"to", 1.5}, {"steps", 3}}) == Json({0.5, 1.0, 1.5}));
}

TEST_CASE("the arrays of a sweep are its columns") {
  const Json request = {
      {"op", "sweep"},
      {"model",
       {{"manual",
         {{"parameters_billion", 8}, {"num_hidden_layers", 36}, {"num_key_value_heads", 8}, {"head_dim", 128}}}}},
      {"weights", "fp8"},
      {"engine", {{"name", "ideal"}}},
      {"gpu", {{"memory_gib", 24}}},
      {"terms", {"kv_cache"}},
      {"axes", {{{"path", "/context"}, {"values", {1, 8192, 0, 1000000}}}}}};
  const Json columns = answer(request);
  const std::string bytes = vram::sweep(request.dump());
  const std::size_t end = bytes.find('\0');
  REQUIRE(end != bytes.npos);
  const Json head = Json::parse(bytes.substr(0, end));
  const std::size_t cells = head["cells"];
  REQUIRE(bytes.size() == end + 1 + cells * (8 * head["columns"].size() + 1));
  std::size_t at = end + 1;
  for (const Json& column : head["columns"]) {
    const std::string name = column["name"];
    const Json& wanted = column.contains("group") ? columns["terms"][name] : columns[name];
    for (std::size_t cell = 0; cell < cells; ++cell, at += 8) {
      double number = 0;
      std::memcpy(&number, bytes.data() + at, 8);
      CHECK((std::isnan(number) ? Json() : Json(static_cast<std::int64_t>(number))) == wanted[cell]);
    }
  }
  for (std::size_t cell = 0; cell < cells; ++cell)
    CHECK(Json(static_cast<int>(bytes[at + cell])) == columns["verdict"][cell]);
  CHECK(Json::parse(vram::sweep("{}"))["error"]["path"] == "/axes");
}
