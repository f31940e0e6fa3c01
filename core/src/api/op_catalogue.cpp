// "catalogue" and "profiles": the built-in rows, for lists to choose from.
#include <algorithm>

#include "api/ops.hpp"
#include "api/request.hpp"
#include "api/scope.hpp"
#include "api/write_estimate.hpp"
#include "vram/catalogue.hpp"

namespace vram {
namespace {

void write_rows(JsonWriter& out, std::string_view key, std::span<const CatalogueRow> rows) {
  out.key(key).begin_array();
  for (const CatalogueRow& row : rows) out.raw(row.json);
  out.end_array();
}

}  // namespace

// A row begins with what is listed of it: reading 222 configurations for their sizes would take a tenth of a second.
// tests/core/catalogue_test.cpp holds it against the reader.
void write_models(JsonWriter& out) {
  out.key("models").begin_array();
  for (const CatalogueRow& row : model_rows()) {
    out.raw(row.json.substr(0, row.json.find(", \"config\": ")));
    out.end_object();
  }
  out.end_array();
}

void write_gpus(JsonWriter& out) { write_rows(out, "gpus", gpu_rows()); }

void write_weight_formats(JsonWriter& out) {
  constexpr std::string_view kSchemes[] = {"plain",      "gguf",      "awq",   "gptq",  "bnb_int8", "bnb_nf4",
                                           "fp8_tensor", "fp8_block", "mxfp4", "nvfp4", "exl",      "mlx"};
  out.key("weights").begin_array();
  for (const WeightFormat& format : weight_formats()) {
    out.begin_object().field("id", format.id).field("name", format.name);
    out.field("scheme", kSchemes[static_cast<std::size_t>(format.scheme)]);
    out.field("bits_per_weight", nominal_bits_per_weight(format)).field("source", format.source).end_object();
  }
  out.end_array();
}

void write_cache_types(JsonWriter& out) {
  out.key("kv_cache_types").begin_array();
  for (const TensorType& type : tensor_types()) {
    if (!type.kv_cache) continue;
    out.begin_object().field("id", type.id).field("name", type.name).field("bits_per_element", type.bits_per_element());
    out.field("source", type.source).end_object();
  }
  out.end_array();
}

void write_engines(JsonWriter& out) {
  out.key("engines").begin_array();
  for (const EngineOptions& engine : every_engine()) {
    out.begin_object().field("name", name_of(engine)).field("checked_against", checked_against(engine)).key("options");
    write_options(out, engine);
    out.key("kv_cache_types").begin_array();
    for (const std::string_view type : cache_types(engine)) out.value(type);
    out.end_array().end_object();
  }
  out.end_array();
}

namespace {

// The lists that are asked for, one bit each in the order of the scope; all of them when none is named.
std::uint32_t asked_lists(const ObjectReader& reader) {
  const std::span<const CatalogueList> lists = scope().lists;
  const Json* asked = reader.find("list");
  if (asked == nullptr) {
    if (!scope().whole) throw Elsewhere();
    return ~0u;
  }
  std::vector<std::string_view> names;
  for (const CatalogueList& list : lists) names.push_back(list.name);
  std::uint32_t bits = 0;
  const auto add = [&](const Json& name, const std::string& path) {
    const auto at =
        !name.is_string() ? names.end() : std::find(names.begin(), names.end(), name.get_ref<const std::string&>());
    if (at == names.end()) {
      if (!scope().whole) throw Elsewhere();
      std::string expected;
      for (const std::string_view known : names)
        expected += (expected.empty() ? "one of: " : ", ") + std::string(known);
      if (!name.is_string()) refuse(path, "list must be a text", shown(name), expected);
      refuse(path, "unknown list" + did_you_mean(name.get_ref<const std::string&>(), names), shown(name), expected);
    }
    bits |= 1u << (at - names.begin());
  };
  if (!asked->is_array()) add(*asked, "/list");
  for (std::size_t i = 0; asked->is_array() && i < asked->size(); ++i) add((*asked)[i], path_at("/list", i));
  return bits;
}

}  // namespace

std::string answer_catalogue(const Json& request) {
  const ObjectReader reader(request, "");
  reader.only({"op", "list"});
  const std::uint32_t asked = asked_lists(reader);
  JsonWriter out(256 * 1024);
  out.begin_object().field("ok", true).field("op", "catalogue");
  for (std::size_t i = 0; i < scope().lists.size(); ++i) {
    if ((asked >> i & 1u) != 0) scope().lists[i].write(out);
  }
  out.end_object();
  return out.take();
}

std::string answer_profiles(const Json& request) {
  ObjectReader(request, "").only({"op"});
  JsonWriter out(16 * 1024);
  out.begin_object().field("ok", true).field("op", "profiles");
  write_rows(out, "profiles", profile_rows());
  out.end_object();
  return out.take();
}

}  // namespace vram
