// FileFacts -> JSON.
#include <algorithm>

#include "json/writer.hpp"
#include "read/file/facts.hpp"
#include "read/safetensors/model.hpp"

namespace vram::read {
namespace {

constexpr std::size_t kMostFiles = 8;    // that are named
constexpr std::size_t kMostRows = 2000;  // of tensors; more than any language model has

struct Sum {
  std::string_view name;
  std::int64_t tensors = 0;
  std::int64_t elements = 0;
  Bytes bytes = 0;

  void add(const TensorGroup& group) {
    const std::int64_t count = group.count();
    tensors += count;
    elements = vram::add(elements, mul(group.elements(), count));
    bytes = vram::add(bytes, mul(group.bytes, count));
  }
};

template <class NameOf>
std::vector<Sum> sums(const TensorList& list, NameOf name_of) {
  std::vector<Sum> result;
  for (const TensorGroup& group : list.groups()) {
    const std::string_view name = name_of(group);
    auto at = std::find_if(result.begin(), result.end(), [&](const Sum& sum) { return sum.name == name; });
    if (at == result.end()) at = result.insert(result.end(), Sum{name});
    at->add(group);
  }
  std::stable_sort(result.begin(), result.end(), [](const Sum& a, const Sum& b) { return a.bytes > b.bytes; });
  return result;
}

void write_sums(JsonWriter& out, std::string_view key, std::string_view label, const std::vector<Sum>& list) {
  out.key(key).begin_array();
  for (const Sum& sum : list) {
    out.begin_object().field(label, sum.name).field("tensors", sum.tensors).field("elements", sum.elements);
    out.field("bytes", sum.bytes).end_object();
  }
  out.end_array();
}

void write_list(JsonWriter& out, const TensorList& list) {
  Sum all;
  for (const TensorGroup& group : list.groups()) all.add(group);
  out.field("tensor_count", all.tensors).field("elements", all.elements).field("tensor_bytes", all.bytes);
  write_sums(out, "types", "type", sums(list, [](const TensorGroup& g) -> std::string_view { return g.type; }));
}

void write_rows(JsonWriter& out, std::string_view key, const TensorList& list) {
  out.key(key).begin_array();
  for (const TensorGroup& group : list.groups()) {
    for (const TensorRow& row : rows_of(group)) {
      out.begin_object().field("name", std::string_view(group.name)).field("type", std::string_view(group.type));
      out.key("shape").begin_array();
      for (const std::int64_t size : group.shape) out.value(size);
      out.end_array();
      if (group.indexed) out.field("indices", std::string_view(ranges_text(row.indices)));
      if (row.each > 1) out.field("each", std::int64_t{row.each});
      out.field("bytes", group.bytes).end_object();
    }
  }
  out.end_array();
}

void write_files(JsonWriter& out, const std::vector<FilePart>& files) {
  Bytes bytes = 0, header = 0;
  bool known = true;
  for (const FilePart& part : files) {
    known &= part.bytes >= 0;
    bytes = vram::add(bytes, std::max<Bytes>(part.bytes, 0));
    header = vram::add(header, part.header_bytes);
  }
  out.key("files").begin_array();
  for (std::size_t i = 0; i < files.size() && i < kMostFiles; ++i) out.value(std::string_view(files[i].name));
  out.end_array().field("file_count", static_cast<std::int64_t>(files.size())).key("file_bytes");
  if (known) {
    out.value(bytes);
  } else {
    out.null();
  }
  out.field("header_bytes", header);
}

std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::size_t row_count(const TensorList& list) {
  std::size_t rows = 0;
  for (const TensorGroup& group : list.groups()) rows += rows_of(group).size();
  return rows;
}

}  // namespace

std::string written(const FileFacts& facts) {
  JsonWriter out(16 * 1024);
  const auto text = [](const std::string& s) { return std::string_view(s); };
  out.begin_object().field("format", text(facts.format)).field("kind", text(facts.kind));
  out.field("name", text(facts.name)).field("architecture", text(facts.architecture));
  write_files(out, facts.files);
  write_list(out, facts.tensors);
  if (const std::string quantizer = quantizer_by_tensors(facts.tensors);
      facts.format == "safetensors" && !quantizer.empty()) {
    out.field("quantization", std::string_view(quantizer));
  }
  const bool diffusion = facts.kind == "diffusion";
  write_sums(out, "parts", "part",
             sums(facts.tensors, [&](const TensorGroup& g) { return part_by_name(g.name, diffusion); }));
  if (facts.vocabulary > 0) out.field("vocabulary", facts.vocabulary);
  if (!facts.metadata.empty()) out.key("metadata").raw(dumped(facts.metadata));
  if (!facts.config.is_null()) out.key("config").raw(dumped(facts.config));
  if (!facts.components.empty()) {
    out.key("components").begin_array();
    for (const PipelineComponent& component : facts.components) {
      out.begin_object().field("name", text(component.name)).field("library", text(component.library));
      out.field("class_name", text(component.class_name));
      write_list(out, component.tensors);
      out.key("config").raw(dumped(component.config)).end_object();
    }
    out.end_array();
  }
  const bool whole = row_count(facts.tensors) <= kMostRows;
  if (facts.kind == "model" && whole && facts.tensors.tensors() > 0) write_rows(out, "tensors", facts.tensors);
  if (facts.projector.tensors() > 0) {
    out.key("mmproj").begin_object();
    write_list(out, facts.projector);
    out.end_object();
  }
  out.key("warnings").begin_array();
  for (const Warning& warning : facts.warnings) {
    out.begin_object().field("path", text(warning.path)).field("message", text(warning.message)).end_object();
  }
  if (!whole) {
    out.begin_object().field("path", "/tensors");
    out.field("message", "more than 2,000 kinds of tensors: only their sums are kept, and no estimate is made of them");
    out.end_object();
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace vram::read
