#include "vram/catalogue.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "catch.hpp"
#include "vram/api.hpp"
#include "vram/read.hpp"

using Json = nlohmann::json;

namespace {
Json answer(const Json& request) { return Json::parse(vram::call(request.dump())); }
}  // namespace

TEST_CASE("every GPU row can be estimated on, and is believable") {
  const Json catalogue = answer({{"op", "catalogue"}, {"list", "gpus"}});
  REQUIRE(catalogue["gpus"].size() == vram::gpu_rows().size());
  CHECK(vram::gpu_rows().size() >= 244);
  const Json model{
      {"manual", {{"parameters_billion", 1}, {"num_hidden_layers", 16}, {"num_key_value_heads", 8}, {"head_dim", 64}}}};
  for (const Json& row : catalogue["gpus"]) {
    INFO(row.dump());
    const Json response =
        answer({{"op", "estimate"}, {"model", model}, {"engine", {{"name", "ideal"}}}, {"gpu", {{"id", row["id"]}}}});
    REQUIRE(response["ok"] == true);
    CHECK(response["gpu"]["name"] == row["name"]);
    CHECK_FALSE(row["source"].get<std::string>().empty());
    // A driver never reports more than the box says, and rarely under nine tenths; shared memory gives half or more.
    const double share = row["memory_mib"].get<double>() / (1024 * row["memory_gb"].get<double>());
    CHECK(share <= 1.03);  // GB200: sold as 186 GB, reports 185; B200: sold as 180
    CHECK(share >= (row.value("unified", false) ? 0.49 : 0.9));
    if (row.contains("runtime_mib")) CHECK(row["runtime_mib"] <= row["memory_mib"]);
  }
}

TEST_CASE("rows are found by id and by nothing else") {
  for (const vram::CatalogueRow& row : vram::gpu_rows()) CHECK(vram::find_row(vram::gpu_rows(), row.id) == &row);
  CHECK(vram::find_row(vram::gpu_rows(), "") == nullptr);
  CHECK(vram::find_row(vram::gpu_rows(), "rtx-409") == nullptr);
  CHECK(vram::find_row(vram::gpu_rows(), "zzz") == nullptr);
}

TEST_CASE("what is listed of a model is what its configuration says") {
  for (const vram::CatalogueRow& row : vram::model_rows()) {
    const Json json = Json::parse(row.json);
    const vram::Result<vram::Model> model = vram::read_config(json["config"].dump(), "");
    REQUIRE(model.ok());
    const Json says{{"model_type", model->model_type},
                    {"parameters", vram::parameters(*model)},
                    {"active_parameters", vram::active_parameters(*model)},
                    {"max_position_embeddings", model->max_position_embeddings},
                    {"native_weights", model->native_weights}};
    INFO(row.id << " should say " << says.dump());
    for (const auto& [key, value] : says.items()) CHECK(json.value(key, Json()) == value);
    // The list is cut out of the row: these keys come first, in this order.
    const std::string text(row.json);
    std::size_t at = 0;
    for (const char* key : {"id", "name", "model_type", "parameters", "active_parameters", "max_position_embeddings",
                            "native_weights", "config"}) {
      const std::size_t found = text.find('"' + std::string(key) + "\": ", at);
      CHECK(found == at + (at == 0 ? 1 : 0));
      at = text.find(", \"", found) + 2;
    }
  }
}

TEST_CASE("every model row is understood and estimated by the ideal engine") {
  const Json catalogue = answer({{"op", "catalogue"}, {"list", "models"}});
  REQUIRE(catalogue["ok"] == true);
  REQUIRE(catalogue["models"].size() == vram::model_rows().size());
  for (const Json& row : catalogue["models"]) {
    INFO(row.dump());
    CHECK(row["parameters"] > 0);
    const Json response = answer({{"op", "estimate"}, {"model", {{"id", row["id"]}}}, {"engine", {{"name", "ideal"}}}});
    INFO(response.dump().substr(0, 600));
    CHECK(response["ok"] == true);
    CHECK(response["model"]["parameters"] == row["parameters"]);
  }
}

TEST_CASE("profiles name themselves, and automatic choice finds one for every kind of GPU") {
  const Json profiles = answer({{"op", "profiles"}});
  std::set<std::string> ids;
  for (const Json& row : profiles["profiles"]) CHECK(ids.insert(row["id"].get<std::string>()).second);
  CHECK(ids.count("ada_16gb") == 1);
  const Json model{
      {"manual", {{"parameters_billion", 1}, {"num_hidden_layers", 16}, {"num_key_value_heads", 8}, {"head_dim", 64}}}};
  for (const char* gpu :
       {"rtx-4090", "h100-sxm", "apple-m4-16gb", "mi300x", "arc-b580", "tesla-t4", "rtx-4060-laptop"}) {
    const Json response =
        answer({{"op", "estimate"}, {"model", model}, {"engine", {{"name", "ideal"}}}, {"gpu", {{"id", gpu}}}});
    CHECK(ids.count(response["profile"]["id"].get<std::string>()) == 1);
  }
}
