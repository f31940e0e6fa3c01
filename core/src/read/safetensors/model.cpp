#include "read/safetensors/model.hpp"

#include <algorithm>
#include <map>

#include "read/config.hpp"
#include "vram/storage.hpp"

namespace vram::read {
namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// Where a tensor's bytes belong. Tensors of the file and of the config meet in these places.
enum class Kind : std::uint8_t { embedding, head, outside, layer, routed, vision, projector, mtp };

struct Place {
  Kind kind = Kind::outside;
  std::int32_t layer = -1;
  friend bool operator<(const Place& a, const Place& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.layer < b.layer;
  }
};

struct Sum {
  Bytes bytes = 0;            // in the file
  std::int64_t elements = 0;  // by the config
  std::int64_t small = 0;     // of these, in vectors
};

// Module names of transformers; towers before text, since their layers are named alike.
Kind kind_of(std::string_view name) {
  for (const std::string_view part : {"multi_modal_projector", "mm_projector", "embed_vision", "embed_audio",
                                      "visual.merger", "vision_projection", "connector."}) {
    if (has(name, part)) return Kind::projector;
  }
  for (const std::string_view part : {"vision_tower", "vision_model", "visual.", "vision_encoder", "audio_tower",
                                      "audio_model", "vpm.", "image_newline"}) {
    if (has(name, part)) return Kind::vision;
  }
  if (name.starts_with("mtp.") || has(name, ".mtp.")) return Kind::mtp;
  for (const std::string_view part : {"lm_head.", "embed_out.", "output_layer."}) {
    if (has(name, part)) return Kind::head;
  }
  for (const std::string_view part :
       {"embed_tokens.", "wte.", "word_embeddings.", "embed_in.", "tok_embeddings.", "word_embedding."}) {
    if (has(name, part) && !has(name, "layers.*")) return Kind::embedding;
  }
  const bool in_layer = has(name, "layers.*.") || has(name, "layer.*.") || has(name, ".h.*.") ||
                        name.starts_with("h.*.") || has(name, "blocks.*.");
  if (!in_layer) return Kind::outside;
  return has(name, ".experts.") && !has(name, "shared_expert") ? Kind::routed : Kind::layer;
}

bool routed(const Tensor& tensor) {
  switch (tensor.role) {
    case Role::ffn_gate_exps:
    case Role::ffn_up_exps:
    case Role::ffn_down_exps:
    case Role::ffn_gate_up_exps: return true;
    default: return false;
  }
}

Place place_of(const Tensor& tensor) {
  switch (tensor.part) {
    case Part::tower: return {Kind::vision, -1};
    case Part::projector: return {Kind::projector, -1};
    case Part::mtp: return {Kind::mtp, -1};
    case Part::text: break;
  }
  if (tensor.layer >= 0) return {routed(tensor) ? Kind::routed : Kind::layer, tensor.layer};
  if (tensor.role == Role::token_embd) return {Kind::embedding, -1};
  return {tensor.role == Role::output ? Kind::head : Kind::outside, -1};
}

std::string_view words(Kind kind) {
  switch (kind) {
    case Kind::embedding: return "token embeddings";
    case Kind::head: return "an output matrix";
    case Kind::outside: return "tensors outside the layers";
    case Kind::layer: return "layers";
    case Kind::routed: return "routed experts";
    case Kind::vision: return "a vision or audio tower";
    case Kind::projector: return "a projector";
    case Kind::mtp: return "next-token prediction layers";
  }
  return "";
}

class Checkpoint {
 public:
  Checkpoint(const FileFacts& facts, const std::string& path, Model model)
      : facts_(facts), path_(path), model_(std::move(model)) {}

  Model take() {
    weigh();
    check();
    hand_out();
    model_.tensors_stored = true;
    return std::move(model_);
  }

 private:
  void warn(std::string message) { model_.warnings.push_back({path_ + "/tensors", std::move(message)}); }

  void weigh() {
    const auto layers = static_cast<std::int32_t>(model_.layers.size());
    for (const TensorGroup& group : facts_.tensors.groups()) {
      const Kind kind = kind_of(group.name);
      const bool deep = kind == Kind::layer || kind == Kind::routed;
      for (const TensorGroup::IndexCount& at : group.per_index) {
        Place place{kind, deep ? at.index : -1};
        if (deep && at.index >= layers) place = {Kind::mtp, -1};  // DeepSeek counts them as further layers
        Sum& sum = sums_[place];
        sum.bytes = add(sum.bytes, mul(group.bytes, at.count));
      }
    }
    for (const Tensor& tensor : model_.tensors) {
      Sum& sum = sums_[place_of(tensor)];
      sum.elements = add(sum.elements, tensor.elements());
      if (tensor.is_1d()) sum.small = add(sum.small, tensor.elements());
    }
  }

  // What only one of the two knows.
  void check() {
    std::map<Kind, int> lacking, unknown;
    for (const auto& [place, sum] : sums_) {
      if (sum.bytes == 0 && sum.elements > 0) ++lacking[place.kind];
      if (sum.bytes > 0 && sum.elements == 0) ++unknown[place.kind];
    }
    for (const auto& [kind, count] : lacking) {
      warn("the config describes " + std::string(words(kind)) +
           (kind == Kind::layer || kind == Kind::routed ? " (" + std::to_string(count) + ")" : "") +
           " that the file does not hold; counted as nothing");
    }
    for (const auto& [kind, count] : unknown) {
      if (kind == Kind::mtp) continue;
      warn("the file holds " + std::string(words(kind)) +
           " that the config does not describe; counted with their bytes");
    }
    const std::int64_t small = model_.torch_dtype == "f32" ? 4 : 2;
    Bytes stated = 0, held = facts_.tensors.bytes();
    for (const Tensor& tensor : model_.tensors) stated = add(stated, mul(tensor.elements(), small));
    const bool plain = quantizer_by_tensors(facts_.tensors).empty();
    if (plain && stated > 0 && (held > stated + stated / 50 || held < stated - stated / 50) && lacking.empty() &&
        unknown.empty()) {
      warn("the tensors take " + std::to_string(held) + " bytes, the parameters that the config states " +
           std::to_string(stated) + "; counted as the tensors are");
    }
  }

  // Every tensor of the model gets its share of the bytes at its place: vectors what they take in 16 or 32 bits,
  // matrices the rest by their elements.
  void hand_out() {
    const std::int64_t small = model_.torch_dtype == "f32" ? 4 : 2;
    struct Left {
      Bytes bytes;
      std::int64_t elements;
    };
    std::map<Place, Left> left;
    for (const auto& [place, sum] : sums_) left[place] = {sum.bytes, sum.elements};
    const auto give = [&](Tensor& tensor, Left& rest) {
      const double share =
          rest.elements > 0 ? static_cast<double>(tensor.elements()) / static_cast<double>(rest.elements) : 0;
      const Bytes bytes =
          tensor.elements() >= rest.elements ? rest.bytes : static_cast<Bytes>(static_cast<double>(rest.bytes) * share);
      tensor.stored_bytes = std::clamp<Bytes>(bytes, 0, rest.bytes);
      rest.bytes -= tensor.stored_bytes;
      rest.elements = std::max<std::int64_t>(rest.elements - tensor.elements(), 0);
    };
    for (Tensor& tensor : model_.tensors) {
      if (!tensor.is_1d()) continue;
      Left& rest = left[place_of(tensor)];
      const Sum& sum = sums_[place_of(tensor)];
      if (sum.small == sum.elements) {
        give(tensor, rest);
        continue;
      }
      tensor.stored_bytes = std::min(mul(tensor.elements(), small), rest.bytes);
      rest.bytes -= tensor.stored_bytes;
      rest.elements = std::max<std::int64_t>(rest.elements - tensor.elements(), 0);
    }
    for (Tensor& tensor : model_.tensors) {
      if (!tensor.is_1d()) give(tensor, left[place_of(tensor)]);
    }
    for (const auto& [place, rest] : left) {
      if (rest.bytes == 0) continue;
      Tensor more;
      more.role = Role::vector;
      more.part = place.kind == Kind::vision      ? Part::tower
                  : place.kind == Kind::projector ? Part::projector
                  : place.kind == Kind::mtp       ? Part::mtp
                                                  : Part::text;
      more.layer = place.layer;
      more.ne0 = std::max<std::int64_t>(rest.bytes / small, 1);
      more.stored_bytes = rest.bytes;
      model_.tensors.push_back(more);
    }
  }

  const FileFacts& facts_;
  std::string path_;
  Model model_;
  std::map<Place, Sum> sums_;
};

}  // namespace

// AWQ and GPTQ: casper-hansen/AutoAWQ awq/modules/linear, ModelCloud/GPTQModel nn_modules/qlinear; FP8 blocks:
// DeepSeek-V3 README_WEIGHTS.md; MXFP4: openai/gpt-oss; NVFP4: NVIDIA TensorRT Model Optimizer, compressed-tensors;
// bitsandbytes: transformers quantizers/quantizer_bnb_4bit.py.
std::string quantizer_by_tensors(const TensorList& tensors) {
  bool packed_groups = false, order = false, blocks = false, scale_inv = false, fp8 = false, fp8_scales = false;
  bool absmax = false, nested = false, scb = false, second_scale = false, packed = false;
  std::int64_t awq = 0, gptq = 0;
  const TensorGroup* weights = nullptr;
  for (const TensorGroup& group : tensors.groups()) {
    const std::string_view name = group.name;
    if (name.ends_with(".qweight")) {
      packed_groups = true;
      weights = &group;
    }
    order |= name.ends_with(".g_idx");
    blocks |= name.ends_with("_blocks") && group.type == "uint8";
    scale_inv |= name.ends_with(".weight_scale_inv");
    fp8 |= group.type == "fp8_e4m3" && name.ends_with(".weight");
    fp8_scales |= group.type == "fp8_e4m3" && name.ends_with("_scale");
    second_scale |= name.ends_with(".weight_scale_2") || name.ends_with(".weight_global_scale");
    packed |= name.ends_with(".weight_packed");
    absmax |= name.ends_with(".absmax");
    nested |= name.ends_with(".nested_absmax");
    scb |= name.ends_with(".SCB");
  }
  if (packed_groups) {
    // AWQ packs along the outputs, GPTQ along the inputs: the scales have as many columns as there are outputs.
    for (const TensorGroup& group : tensors.groups()) {
      if (!group.name.ends_with(".scales") || group.shape.size() != 2 || weights->shape.size() != 2) continue;
      if (group.shape[1] == weights->shape[1]) ++gptq;
      if (group.shape[1] == 8 * weights->shape[1]) ++awq;
    }
    return awq > 0 && !order ? "awq" : "gptq";
  }
  if (blocks) return "mxfp4";
  if (second_scale && (fp8_scales || packed)) return "nvfp4";
  if (packed) return fp8_scales ? "nvfp4" : "gptq";
  if (absmax) return nested ? "bnb_nf4_dq" : "bnb_nf4";
  if (scb) return "bnb_int8";
  if (scale_inv) return "fp8_block";
  return fp8 ? "fp8_e4m3" : "";
}

Model model_of_checkpoint(const FileFacts& facts, const std::string& path) {
  if (!facts.config.is_object())
    refuse(path + "/config", "config.json is missing: the tensors alone do not tell the model", "",
           "the folder with its config.json");
  std::vector<Warning> disagreements;
  Model model = read_config(config_by_tensors(facts, path, disagreements), path + "/config");
  model.name = facts.name;
  for (Warning& warning : disagreements) model.warnings.push_back(std::move(warning));
  for (const Warning& warning : facts.warnings) model.warnings.push_back(warning);
  if (facts.format == "config" || facts.tensors.tensors() == 0) return model;
  if (facts.format == "pytorch") {  // sizes of storages, without names
    const Bytes held = facts.tensors.bytes();
    const std::int64_t count = parameters(model);
    if (held > 3 * count && model.torch_dtype != "f32") {
      model.warnings.push_back({path + "/tensors", "the file has four bytes a parameter, the config says " +
                                                       model.torch_dtype + "; counted as FP32"});
      model.torch_dtype = model.native_weights = "f32";
    }
    return model;
  }
  const std::string found = quantizer_by_tensors(facts.tensors);
  const bool config_plain = find_weight_format(model.native_weights) != nullptr &&
                            find_weight_format(model.native_weights)->scheme == WeightFormat::Scheme::plain;
  if (!found.empty() && found != model.native_weights && (config_plain || found != "fp8_e4m3")) {
    model.warnings.push_back({path + "/tensors", "the tensors are stored as " + found + ", the config says " +
                                                     model.native_weights + "; counted as the tensors are"});
    model.native_weights = found;
  } else if (found.empty() && !config_plain) {
    model.warnings.push_back({path + "/tensors", "the config says " + model.native_weights +
                                                     ", the tensors are not quantized; counted as the tensors are"});
    model.native_weights = model.torch_dtype;
  }
  return Checkpoint(facts, path, std::move(model)).take();
}

}  // namespace vram::read
