// JSON -> FileFacts: a `file` value on its way back, checked like anything a caller sends.
#include "read/file/accept.hpp"

#include <algorithm>

#include "read/file/parser.hpp"

namespace vram::read {
namespace {

constexpr std::size_t kMostRows = 20'000;
constexpr std::int32_t kMostIndex = 65'535;
constexpr std::int64_t kMostTensors = 1'000'000;

void accept_row(const Json& json, const std::string& path, FileFacts& facts) {
  const ObjectReader row(json, path);
  row.only({"name", "type", "shape", "indices", "each", "bytes"});
  TensorGroup group;
  group.name = row.string("name");
  group.type = row.string("type");
  group.bytes = row.integer("bytes", 0, kMaxFileBytes);
  const Json* shape = row.find("shape");
  if (shape == nullptr || !shape->is_array() || shape->size() > 8) {
    refuse(row.path_of("shape"), "shape must be a list of sizes", shape == nullptr ? "" : shown(*shape),
           "[4096, 4096]");
  }
  for (const Json& size : *shape) {
    if (!size.is_number_unsigned() || size > kMaxFileBytes)
      refuse(row.path_of("shape"), "a size is not valid", shown(size));
    group.shape.push_back(size.get<std::int64_t>());
  }
  if (group.elements() >= kMaxBytes / 512)
    refuse(row.path_of("shape"), "more elements than any file can hold", shown(*shape));
  const auto each = static_cast<std::int32_t>(row.integer_or("each", 1, kMostTensors, 1));
  std::vector<std::int32_t> indices = {0};
  if (row.has("indices")) {
    indices.clear();
    group.indexed = true;
    if (!parse_ranges(row.string("indices"), kMostIndex, indices)) {
      refuse(row.path_of("indices"), "indices must be a list of ranges", shown(*row.find("indices")),
             "\"0-31\", or \"0,2,4-7\"");
    }
  }
  for (const std::int32_t index : indices) group.per_index.push_back({index, each});
  facts.tensors.restore(std::move(group));
  if (facts.tensors.tensors() > kMostTensors) refuse(path, "more than a million tensors");
}

}  // namespace

FileFacts accept_file(const Json& json, const std::string& path) {
  const ObjectReader reader(json, path);
  reader.only({"format",       "kind",         "name",     "architecture", "files",   "file_count", "file_bytes",
               "header_bytes", "tensor_count", "elements", "tensor_bytes", "types",   "parts",      "quantization",
               "vocabulary",   "metadata",     "config",   "components",   "tensors", "mmproj",     "warnings"});
  FileFacts facts;
  facts.format = reader.string("format");
  facts.kind = reader.string("kind");
  facts.name = reader.string_or("name", "");
  facts.architecture = reader.string_or("architecture", "");
  facts.vocabulary = reader.integer_or("vocabulary", 0, kMaxFileBytes, 0);
  if (const Json* metadata = reader.find("metadata")) facts.metadata = *metadata;
  if (!facts.metadata.is_object())
    refuse(reader.path_of("metadata"), "metadata must be an object", shown(facts.metadata), "{...}");
  if (const Json* config = reader.find("config")) facts.config = *config;
  if (const Json* tensors = reader.find("tensors")) {
    if (!tensors->is_array() || tensors->size() > kMostRows) {
      refuse(reader.path_of("tensors"), "tensors must be a list of at most 20,000 rows", shown(*tensors), "[...]");
    }
    for (std::size_t i = 0; i < tensors->size(); ++i) accept_row((*tensors)[i], path_at(path + "/tensors", i), facts);
  }
  if (const Json* projector = reader.find("mmproj")) {
    const ObjectReader sums(*projector, path + "/mmproj");
    sums.only({"tensor_count", "elements", "tensor_bytes", "types"});
    TensorGroup group;
    group.name = "mmproj";
    group.type = "bytes";
    group.shape = {sums.integer("elements", 0, kMaxFileBytes)};
    group.bytes = sums.integer("tensor_bytes", 0, kMaxFileBytes);
    group.per_index = {{0, 1}};
    facts.projector.restore(std::move(group));
  }
  if (const Json* warnings = reader.find("warnings"); warnings != nullptr && warnings->is_array()) {
    for (std::size_t i = 0; i < warnings->size() && i < 64; ++i) {
      const ObjectReader warning((*warnings)[i], path_at(path + "/warnings", i));
      facts.warnings.push_back({path + warning.string_or("path", ""), warning.string_or("message", "")});
    }
  }
  return facts;
}

}  // namespace vram::read
