// Weights alone, in shards, and with a config.json or adapter_config.json beside them.
#include <algorithm>

#include "read/file/state.hpp"
#include "read/file/text_parser.hpp"
#include "read/onnx/onnx.hpp"
#include "read/safetensors/safetensors.hpp"

namespace vram {

using read::refuse_file;

namespace {

constexpr std::int64_t kConfigLimit = std::int64_t{4} << 20;
constexpr std::int64_t kIndexLimit = std::int64_t{64} << 20;

std::string folder_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == name.npos ? "" : name.substr(0, slash + 1);
}

// Tables of labels and the like change no memory and may be long.
void drop_long(Json& config) {
  for (const char* key : {"id2label", "label2id", "task_specific_params", "auto_map"}) config.erase(key);
  for (auto at = config.begin(); at != config.end();) {
    const bool is_long =
        (at->is_string() && at->get_ref<const std::string&>().size() > 4096) || (at->is_array() && at->size() > 4096);
    at = is_long ? config.erase(at) : std::next(at);
  }
}

}  // namespace

void FileReader::State::open_config(const std::string& beside) {
  const std::string name = folder_of(beside) + "config.json";
  if (!may_exist(name)) return;
  open_text(name, true, kConfigLimit, [this, name](const std::string& text) {
    Json json = parse_json(text, "/" + name);
    if (!json.is_object()) return;
    drop_long(json);
    facts.config = std::move(json);
  });
}

void FileReader::State::start_weights(const std::string& name) {
  open_weights(name, facts.tensors, [this, name](const read::FileParser& parser, std::string_view format) {
    if (format == "json") return start_json_text(name, static_cast<const read::TextParser&>(parser).text());
    facts.format = format;
    if (format == "gguf") return gguf_done(name, parser);
    add_part(name, header_of(parser, format));
    if (format == "safetensors") facts.metadata = static_cast<const read::SafetensorsParser&>(parser).metadata();
    if (format == "onnx" && static_cast<const read::OnnxParser&>(parser).external()) {
      facts.warnings.push_back({"/files", "the data of some initializers lies in a file beside this one"});
    }
    open_config(name);
  });
}

void FileReader::State::start_shards(const std::string& index) {
  open_text(index, false, kIndexLimit, [this, index](const std::string& text) {
    std::vector<std::string> shards = read::shards_of_index(index, text);
    for (std::string& shard : shards) shard = folder_of(index) + shard;
    start_shards_by_name(shards);
  });
}

void FileReader::State::start_shards_by_name(const std::vector<std::string>& names) {
  open_config(names.front());
  for (const std::string& name : names) {
    if (!may_exist(name)) refuse_file(name, "this part of the model is missing");
    open_weights(name, facts.tensors, [this, name](const read::FileParser& parser, std::string_view format) {
      facts.format = format;
      add_part(name, header_of(parser, format));
    });
  }
}

void FileReader::State::start_adapter(const std::string& name) {
  open_text(name, false, kConfigLimit, [this, name](const std::string& text) {
    facts.config = parse_json(text, "/" + name);
    if (!facts.config.is_object()) refuse_file(name, "this is no adapter configuration");
    facts.kind = "adapter";
    for (const char* file : {"adapter_model.safetensors", "adapter_model.bin"}) {
      const std::string weights = folder_of(name) + file;
      if (!may_exist(weights)) continue;
      open_weights(weights, facts.tensors, [this, weights](const read::FileParser& parser, std::string_view format) {
        facts.format = "peft";
        add_part(weights, header_of(parser, format));
      });
      break;
    }
  });
}

}  // namespace vram
