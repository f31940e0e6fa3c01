// What must hold for every model of the catalogue, whatever its architecture.
#include <map>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "vram/api.hpp"
#include "vram/catalogue.hpp"

using Json = nlohmann::json;

namespace {

Json estimate(const std::string& id, const char* engine, int context, int gpus) {
  const Json request = {{"op", "estimate"},
                        {"model", {{"id", id}}},
                        {"context", context},
                        {"engine", {{"name", engine}}},
                        {"gpu", {{"memory_gib", 80}, {"count", gpus}}}};
  return Json::parse(vram::call(request.dump()));
}

std::map<std::string, std::int64_t> sums(const Json& answer, const std::string& kind) {
  std::map<std::string, std::int64_t> by_device;
  for (const Json& entry : answer["ledger"]["entries"]) {
    if (entry["kind"] == kind) by_device[entry["device"]] += entry["bytes"]["expected"].get<std::int64_t>();
  }
  return by_device;
}

std::int64_t total(const Json& answer, const std::string& kind) {
  std::int64_t all = 0;
  for (const auto& [device, bytes] : sums(answer, kind)) all += bytes;
  return all;
}

Json models() { return Json::parse(vram::call(R"({"op": "catalogue", "list": "models"})"))["models"]; }

}  // namespace

TEST_CASE("more context never takes less memory, whatever the architecture") {
  for (const Json& model : models()) {
    const std::string id = model["id"];
    for (const char* engine : {"llama.cpp", "ideal", "transformers"}) {
      std::int64_t before = 0;
      for (const int context : {512, 4096, 32'768, 131'072}) {
        const Json answer = estimate(id, engine, context, 1);
        if (answer["ok"] != true) continue;  // an engine that does not run this model says so
        std::int64_t peak = 0;
        for (const Json& each : answer["ledger"]["peaks"]) peak += each["bytes"]["expected"].get<std::int64_t>();
        INFO(id << " " << engine << " " << context);
        CHECK(peak >= before);
        before = peak;
      }
    }
  }
}

TEST_CASE("two GPUs hold what one holds, whatever the architecture") {
  for (const Json& model : models()) {
    const std::string id = model["id"];
    const Json one = estimate(id, "llama.cpp", 8192, 1);
    const Json two = estimate(id, "llama.cpp", 8192, 2);
    if (one["ok"] != true || two["ok"] != true) continue;
    INFO(id);
    CHECK(total(one, "kv_cache") == total(two, "kv_cache"));
    CHECK(total(one, "recurrent_state") == total(two, "recurrent_state"));
    // Tables of rotary factors lie on every GPU that needs them: kilobytes.
    CHECK(total(two, "weights") >= total(one, "weights"));
    CHECK(total(two, "weights") - total(one, "weights") <= 64 << 10);
  }
}
