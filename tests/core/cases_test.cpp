// Runs tests/cases/*.json through the border. A file is a list of
//   {"name", "request" (object) or "request_text", "expect", "source"}
// "expect" maps a JSON pointer into the response to a value, {"approx": x, "within": y} or {"exists": true | false}.
// A key without a slash is a kind of ledger entry ("kv_cache"): the expected bytes of all its entries, summed.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "vram/api.hpp"

using Json = nlohmann::json;

namespace {

Json sum_of_kind(const Json& response, const std::string& kind) {
  std::int64_t sum = 0;
  for (const Json& entry : response["ledger"]["entries"]) {
    if (entry["kind"] == kind) sum += entry["bytes"]["expected"].get<std::int64_t>();
  }
  return sum;
}

void check_expectation(const Json& response, const std::string& where, const Json& wanted) {
  INFO(where << " should be " << wanted.dump());
  const bool pointer = where.empty() || where[0] == '/';
  const bool exists = pointer ? response.contains(Json::json_pointer(where)) : response.contains("ledger");
  if (wanted.is_object() && wanted.contains("exists")) {
    CHECK(exists == wanted["exists"].get<bool>());
    return;
  }
  REQUIRE(exists);
  const Json found = pointer ? response[Json::json_pointer(where)] : sum_of_kind(response, where);
  INFO("found " << found.dump());
  if (wanted.is_object() && wanted.contains("approx")) {
    CHECK(std::fabs(found.get<double>() - wanted["approx"].get<double>()) <= wanted["within"].get<double>());
  } else {
    CHECK(found == wanted);
  }
}

}  // namespace

TEST_CASE("every case of tests/cases is answered as expected") {
  int count = 0;
  for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path(VRAM_SOURCE_DIR) / "tests/cases")) {
    if (file.path().extension() != ".json") continue;
    std::ifstream stream(file.path());
    for (const Json& one : Json::parse(stream)) {
      INFO(file.path().filename().string() << ": " << one["name"].get<std::string>());
      const std::string request =
          one.contains("request") ? one["request"].dump() : one["request_text"].get<std::string>();
      const std::string text = vram::call(request);
      INFO(text.substr(0, 2000));
      const Json response = Json::parse(text);
      REQUIRE_FALSE(one["expect"].empty());
      REQUIRE_FALSE(one["source"].get<std::string>().empty());
      for (const auto& [where, wanted] : one["expect"].items()) check_expectation(response, where, wanted);
      ++count;
    }
  }
  CHECK(count >= 60);
}
