// The model in a `file` value.
#include "read/gguf/model.hpp"
#include "read/file/accept.hpp"
#include "read/safetensors/model.hpp"

namespace vram {

namespace {

struct Instead {
  std::string_view kind;
  std::string_view what;
  std::string_view instead;
};

constexpr Instead kNotModels[] = {
    {"mmproj", "a projector with its vision or audio encoder", "the model it belongs to; lay both in one folder"},
    {"adapter", "an adapter", "the model it was trained for"},
    {"control_vector", "a control vector", "the model it was made for"},
    {"imatrix", "an importance matrix", "the model it was made from"},
    {"vocabulary", "a vocabulary without weights", "the model's GGUF"},
    {"diffusion", "a diffusion model", "a language model"},
    {"pipeline", "a diffusion pipeline", "a language model"},
    {"weights", "weights without a config.json that says what they are", "the folder with its config.json"},
};

}  // namespace

Model read_model_file(const Json& json, const std::string& path) {
  const read::FileFacts facts = read::accept_file(json, path);
  for (const Instead& row : kNotModels) {
    if (row.kind == facts.kind) {
      refuse(path + "/kind", "this file holds " + std::string(row.what) + ", no language model",
             shown(Json(facts.kind)), std::string(row.instead));
    }
  }
  if (facts.kind != "model")
    refuse(path + "/kind", "this kind of file is not known", shown(Json(facts.kind)), "\"model\"");
  if (facts.format == "gguf") return read::model_of_gguf(facts, path);
  for (const std::string_view known : {"safetensors", "pytorch", "config"}) {
    if (facts.format == known) return read::model_of_checkpoint(facts, path);
  }
  refuse(path + "/format", "nothing is estimated from this format", shown(Json(facts.format)),
         "\"gguf\", \"safetensors\", \"pytorch\" or \"config\"");
}

}  // namespace vram
