// Published parameter counts against the catalogue.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "catch.hpp"
#include "read/config.hpp"
#include "vram/catalogue.hpp"

namespace {

using vram::Json;

vram::Model catalogue_model(const std::string& id) {
  const vram::CatalogueRow* row = vram::find_row(vram::model_rows(), id);
  INFO(id);
  REQUIRE(row != nullptr);
  return vram::read_config(Json::parse(row->json).at("config"), "/model/config");
}

bool has_output(const vram::Model& model) {
  for (const vram::Tensor& tensor : model.tensors) {
    if (tensor.role == vram::Role::output && tensor.part == vram::Part::text) return true;
  }
  return false;
}

// What a published number counts (docs of tests/accuracy): `total` is parameters(); the rest add or leave out parts.
std::int64_t in_scope(const vram::Model& model, const std::string& scope) {
  const std::int64_t embedding = model.vocab_size * model.hidden_size;
  const std::int64_t total = vram::parameters(model);
  const std::int64_t mtp = vram::parameters(model, vram::Part::mtp);
  const std::int64_t text = vram::parameters(model, vram::Part::text);
  if (scope == "total") return total;
  if (scope == "total+mtp") return total + mtp;
  if (scope == "total+mtp+dup") {  // the checkpoint repeats embedding and head in every MTP layer
    return total + mtp + static_cast<std::int64_t>(model.mtp_layers) * 2 * embedding;
  }
  if (scope == "total+untied") return total + (has_output(model) ? 0 : embedding);  // tied, yet stored twice
  if (scope == "text") return text;
  if (scope == "backbone") return total - (has_output(model) ? embedding : 0);  // no head
  FAIL("unknown scope " << scope);
  return 0;
}

}  // namespace

TEST_CASE("parameter counts are those that were published") {
  std::ifstream file(VRAM_SOURCE_DIR "/tests/accuracy/data/params.json");
  const Json rows = Json::parse(file);
  int exact = 0;
  int identical = 0;
  for (const Json& row : rows) {
    const std::string id = row.at("id");
    const auto published = row.at("params").get<std::int64_t>();
    const std::int64_t counted = in_scope(catalogue_model(id), row.at("scope")) + row.at("buffers").get<std::int64_t>();
    const double error = static_cast<double>(counted - published) / static_cast<double>(published);
    INFO(id << ": published " << published << ", counted " << counted);
    if (counted != published) {
      std::printf("%-28s published %14lld counted %14lld  %+.5f %%\n", id.c_str(), static_cast<long long>(published),
                  static_cast<long long>(counted), 100 * error);
    }
    if (row.at("exact").get<bool>()) {
      ++exact;
      identical += counted == published;
      CHECK(std::fabs(error) < 0.0001);
    } else {
      // Rounded in print: half a percent, or half a unit of the last digit printed.
      std::int64_t unit = 1;
      while (published % (unit * 10) == 0) unit *= 10;
      CHECK(std::fabs(error) < std::fmax(0.005, 0.5 * static_cast<double>(unit) / static_cast<double>(published)));
    }
  }
  std::printf("identical to the digit: %d of %d exact counts\n", identical, exact);
  CHECK(exact >= 100);
  CHECK(100 * identical >= 92 * exact);
}

TEST_CASE("every catalogue row is a model") {
  REQUIRE(vram::model_rows().size() >= 200);
  for (const vram::CatalogueRow& row : vram::model_rows()) {
    INFO(row.id);
    const vram::Model model = catalogue_model(std::string(row.id));
    CHECK(vram::parameters(model) > 1'000'000);
    CHECK(vram::active_parameters(model) <= vram::parameters(model));
    CHECK(!model.layers.empty());
    for (const vram::Tensor& tensor : model.tensors) {
      CHECK((tensor.ne0 > 0 && tensor.ne1 > 0 && tensor.ne2 > 0 && tensor.count > 0));
      CHECK(tensor.experts_used <= tensor.ne2);
    }
  }
}
