// An Ollama manifest: names the blobs of a model by digest and size. Source: ollama/ollama server/manifest.go; the
// format is Docker's (distribution spec, image manifest schema 2).
#include "read/file/state.hpp"

namespace vram {

void FileReader::State::start_manifest(const std::string& name, const Json& json) {
  const Json* model = nullptr;
  const Json& layers = json["layers"];
  if (layers.is_array()) {
    for (const Json& layer : layers) {
      if (layer.is_object() && layer.value("mediaType", Json()) == "application/vnd.ollama.image.model") model = &layer;
    }
  }
  if (model == nullptr || !model->contains("digest") || !(*model)["digest"].is_string()) {
    read::refuse_file(name, "this manifest names no model", "", "the manifest of a model that `ollama pull` brought");
  }
  std::string digest = (*model)["digest"].get<std::string>();
  const bool plain = digest.size() == 71 && digest.starts_with("sha256:") &&
                     digest.find_first_not_of("0123456789abcdef", 7) == digest.npos;
  if (!plain) read::refuse_file(name, "this manifest names its model by no SHA-256 digest", shown(Json(digest)));
  digest[6] = '-';
  // models/manifests/<registry>/<space>/<model>/<tag> and models/blobs/sha256-<digest>
  std::string blob = "../../../../blobs/" + digest;
  for (const auto& [file, bytes] : sources) {
    if (file.ends_with(digest)) blob = file;
  }
  const Json size = model->value("size", Json());
  if (!listed(blob) && size.is_number_unsigned() && size < read::kMaxFileBytes)
    sources[blob] = size.get<std::int64_t>();
  facts.metadata = {{"ollama.model", digest}};
  facts.warnings.push_back({"/files", "read from the blob that this Ollama manifest names: " + digest});
  open_weights(blob, facts.tensors, [this, blob](const read::FileParser& parser, std::string_view format) {
    facts.format = format;
    if (format == "gguf") return gguf_done(blob, parser);
    add_part(blob, header_of(parser, format));
  });
}

}  // namespace vram
