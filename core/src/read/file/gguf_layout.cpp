// A GGUF, its further parts, and what kind of GGUF it is.
// Keys: ggml-org/ggml docs/gguf.md; split files: llama.cpp v0.5.0 src/llama.cpp llama_split_path; kinds: gguf-py/gguf/
// constants.py (GGUFType), tools/mtmd/clip.cpp, tools/imatrix, common/common.cpp (control vectors).
#include <cstdio>

#include "read/file/state.hpp"
#include "read/gguf/gguf.hpp"

namespace vram {

using read::refuse_file;

namespace {

std::string text_at(const Json& metadata, const char* key) {
  const auto at = metadata.find(key);
  return at != metadata.end() && at->is_string() ? at->get<std::string>() : "";
}

std::int64_t number_at(const Json& metadata, const char* key) {
  const auto at = metadata.find(key);
  if (at == metadata.end() || !at->is_number_integer()) return 0;
  return at->is_number_unsigned() && *at > INT64_MAX ? INT64_MAX : at->get<std::int64_t>();
}

// "model-00001-of-00003.gguf" -> "model-%05d-of-00003.gguf"; empty when the name is no such name.
std::string split_prefix(const std::string& name, std::int64_t count) {
  char suffix[64];
  std::snprintf(suffix, sizeof suffix, "-of-%05d.gguf", static_cast<int>(count));
  const std::string end = suffix;
  if (!name.ends_with(end) || name.size() < end.size() + 6 || name[name.size() - end.size() - 6] != '-') return "";
  return name.substr(0, name.size() - end.size() - 5);
}

std::string part_name(const std::string& prefix, std::int64_t number, std::int64_t count) {
  char suffix[64];
  std::snprintf(suffix, sizeof suffix, "%05d-of-%05d.gguf", static_cast<int>(number), static_cast<int>(count));
  return prefix + suffix;
}

std::string kind_of(const read::GgufHeader& header, read::FileFacts& facts) {
  const Json& metadata = header.metadata;
  const std::string type = text_at(metadata, "general.type");
  const std::string& architecture = facts.architecture;
  if (type == "adapter" || metadata.contains("adapter.type")) return "adapter";
  if (type == "imatrix" || metadata.contains("imatrix.datasets")) return "imatrix";
  if (type == "mmproj" || architecture == "clip") return "mmproj";
  if (type == "controlvector" || architecture == "controlvector") return "control_vector";
  const std::string by_names = read::kind_by_names(facts.tensors, facts.architecture);
  if (!by_names.empty()) return by_names;
  if (facts.tensors.tensors() == 0 && header.vocabulary > 0) return "vocabulary";
  return "model";
}

}  // namespace

void FileReader::State::gguf_done(const std::string& name, const read::FileParser& parser) {
  const auto& header = static_cast<const read::GgufParser&>(parser).header();
  const std::int64_t count = number_at(header.metadata, "split.count");
  const std::int64_t number = number_at(header.metadata, "split.no");
  add_part(name, header.header_bytes);
  // The first part has the metadata; the others repeat only what says that they are parts.
  if (count <= 1 || number == 0) {
    facts.metadata = header.metadata;
    facts.vocabulary = header.vocabulary;
    facts.architecture = text_at(header.metadata, "general.architecture");
  }
  if (count > 1) {
    if (count > 1000)
      refuse_file(name, "this file says it is one of too many parts", std::to_string(count), "at most 1000");
    const std::string prefix = split_prefix(name, count);
    if (prefix.empty()) {
      refuse_file(name,
                  "this is one part of " + std::to_string(count) + ", and its name does not tell those of the others",
                  "", "names that end in -00001-of-0000N.gguf, as llama.cpp writes them");
    }
    for (std::int64_t i = 1; i <= count; ++i) {
      const std::string part = part_name(prefix, i, count);
      if (!may_exist(part)) refuse_file(part, "this part of the model is missing");
      open_weights(part, facts.tensors, [this, part](const read::FileParser& p, std::string_view format) {
        if (format != "gguf") refuse_file(part, "this part of the model is no GGUF file");
        gguf_done(part, p);
      });
    }
  }
  facts.format = "gguf";
  facts.kind = kind_of(header, facts);
  if (facts.name.empty()) facts.name = text_at(header.metadata, "general.name");
}

}  // namespace vram
