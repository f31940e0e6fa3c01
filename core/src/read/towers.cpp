// Which tower and projector a multimodal model has.
#include "read/towers.hpp"

#include "read/readers.hpp"

namespace vram::read {
namespace {

constexpr std::string_view kVision[] = {"vision_config", "visual"};

// Class defaults of vision configs: transformers models/<family>/configuration_<family>.py.
constexpr std::string_view kSiglip =
    R"({"num_attention_heads":16,"patch_size":14,"image_size":896,"intermediate_size":4304,"hidden_size":1152,"num_hidden_layers":27})";
constexpr std::string_view kQwen2 = R"({"depth":32,"embed_dim":1280,"mlp_ratio":4,"patch_size":14})";
constexpr std::string_view kQwen25 = R"({"depth":32,"hidden_size":1280,"intermediate_size":3420,"patch_size":14})";
constexpr std::string_view kIntern =
    R"({"hidden_size":1024,"intermediate_size":4096,"num_hidden_layers":24,"patch_size":14,"image_size":448})";
// openai/clip-vit-large-patch14-336, which phi3_v names.
constexpr std::string_view kClipLarge =
    R"({"hidden_size":1024,"intermediate_size":4096,"num_hidden_layers":24,"patch_size":14,"image_size":336})";

void vision_projector(const Reading& reading, TensorWriter& out, const Keys& vision) {
  const Keys& whole = reading.whole;
  const std::string_view type = reading.outer_type;
  const std::int64_t hidden = reading.model.hidden_size;
  if (type == "llava" || type == "llava_next") {
    const std::int64_t width = vision.integer(kHiddenSize, 1, kMaxWidth);
    clip_tower(out, vision);
    out.outside(Part::projector);
    out.linear(Role::matrix, width, hidden, true);
    out.linear(Role::matrix, hidden, hidden, true);
    if (type == "llava_next") out.vector(Role::vector, hidden);  // image_newline
  } else if (type == "gemma3") {
    siglip_tower(out, vision);
    const std::int64_t width = vision.integer(kHiddenSize, 1, kMaxWidth);
    out.outside(Part::projector);
    out.matrix(Role::matrix, width, hidden);
    out.vector(Role::norm, width);
  } else if (type == "qwen2_vl") {
    qwen2_tower(out, vision, hidden);
  } else if (type == "qwen2_5_vl") {
    qwen25_tower(out, vision);
  } else if (type == "qwen3_vl" || type == "qwen3_vl_moe" || type == "qwen3_5" || type == "qwen3_5_moe") {
    qwen3_tower(out, vision);
  } else if (type == "glm4v" || type == "glm4v_moe") {
    glm_tower(out, vision);
  } else if (type == "mllama") {
    mllama_tower(out, vision);
    out.outside(Part::projector);
    out.linear(Role::matrix, vision.integer("vision_output_dim", 1, kMaxWidth), hidden, true);
  } else if (type == "llama4") {
    llama4_tower(out, vision, hidden);
  } else if (type == "mistral3" || type == "ministral3") {
    pixtral_tower(out, vision);
    const std::int64_t width = vision.integer(kHiddenSize, 1, kMaxWidth);
    const std::int64_t merge = whole.integer_or("spatial_merge_size", 1, 64, 2);
    const bool bias = whole.flag("multimodal_projector_bias", false);
    out.outside(Part::projector);
    out.vector(Role::norm, width);
    out.matrix(Role::matrix, width * merge * merge, width);
    out.linear(Role::matrix, width, hidden, bias);
    out.linear(Role::matrix, hidden, hidden, bias);
  } else if (type == "internvl_chat") {
    intern_tower(out, vision, hidden, whole.number_or("downsample_ratio", 1.0 / 64, 1, 0.5));
  } else if (type == "lfm2_vl") {
    siglip_tower(out, vision);
    const std::int64_t factor = whole.integer("downsample_factor", 1, 64);
    const std::int64_t merged = vision.integer(kHiddenSize, 1, kMaxWidth) * factor * factor;
    const std::int64_t inner = whole.integer("projector_hidden_size", 1, kMaxWidth);
    const bool bias = whole.flag("projector_bias", true);
    out.outside(Part::projector);
    out.linear(Role::matrix, merged, inner, bias);
    out.linear(Role::matrix, inner, hidden, bias);
    if (whole.flag("projector_use_layernorm", false)) out.vector(Role::norm, merged, 2);
  } else if (type == "gemma4") {
    gemma4_vision(out, vision, hidden);
  } else if (type == "minicpmv") {  // SigLIP and a perceiver resampler
    siglip_tower(out, vision);
    const std::int64_t width = vision.integer(kHiddenSize, 1, kMaxWidth);
    out.outside(Part::projector);
    out.matrix(Role::matrix, hidden, whole.integer_or("query_num", 1, 65536, 64));
    out.matrix(Role::matrix, width, hidden);
    out.linear(Role::matrix, hidden, 3 * hidden, true);
    out.linear(Role::matrix, hidden, hidden, true);
    out.vector(Role::norm, hidden, 6);
    out.matrix(Role::matrix, hidden, hidden);
  }
}

std::string_view vision_defaults(std::string_view type) {
  if (type == "gemma3") return kSiglip;
  if (type == "qwen2_vl") return kQwen2;
  if (type == "qwen2_5_vl") return kQwen25;
  if (type == "internvl_chat") return kIntern;
  return {};
}

// "conf_hidden_size" in audio configs of Gemma 4 means hidden_size.
Json without_prefix(const Json& audio) {
  Json plain = Json::object();
  for (const auto& [key, value] : audio.items()) {
    plain[key.starts_with("conf_") ? key.substr(5) : key] = value;
  }
  return plain;
}

void read_audio(Reading& reading, TensorWriter& out, const Json& object) {
  const std::string_view type = reading.outer_type;
  const std::int64_t hidden = reading.model.hidden_size;
  const std::string path = reading.whole.path_of("audio_config");
  out.outside(Part::tower);
  if (type == "gemma4") {
    const Json plain = without_prefix(object);
    const Keys audio(plain, path, R"({"subsampling_conv_channels":[128,32]})");
    if (audio.has("num_hidden_layers")) gemma4_audio(out, audio, hidden);
    return;
  }
  const Keys audio(object, path);
  whisper_tower(out, audio);
  out.outside(Part::projector);
  if (type == "qwen2_audio") {
    out.linear(Role::matrix, audio.integer(kHiddenSize, 1, kMaxWidth), hidden, true);
  } else {  // Voxtral: four frames merged into one token
    out.matrix(Role::matrix, audio.integer("intermediate_size", 1, kMaxWidth), hidden);
    out.matrix(Role::matrix, hidden, hidden);
  }
}

bool reads_vision(std::string_view type) {
  for (const std::string_view known :
       {"llava", "llava_next", "gemma3", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe",
        "glm4v", "glm4v_moe", "mllama", "llama4", "mistral3", "ministral3", "internvl_chat", "lfm2_vl", "gemma4",
        "minicpmv"}) {
    if (type == known) return true;
  }
  return false;
}

void warn_unmodelled(Reading& reading, std::string_view key) {
  if (reading.whole.has(key)) {
    reading.model.warnings.push_back(
        {reading.whole.path_of(key), "the weights of this part are not modelled and missing from the estimate"});
  }
}

}  // namespace

void read_towers(Reading& reading) {
  const std::string_view type = reading.outer_type;
  const Keys& whole = reading.whole;
  TensorWriter out(reading.model, whole.path());
  out.outside(Part::tower);
  if (type == "phi3_v") {  // microsoft/Phi-3.5-vision-instruct modeling_phi3_v.py
    const Json* processor = whole.find("img_processor");
    if (processor == nullptr) whole.refuse_at("img_processor", "img_processor is missing", "an object {...}");
    const Keys image(*processor, whole.path_of("img_processor"));
    const std::int64_t width = 4 * image.integer("image_dim_out", 1, kMaxWidth);
    const Json empty = Json::object();
    clip_tower(out, Keys(empty, image.path(), kClipLarge));
    out.outside(Part::projector);
    out.linear(Role::matrix, width, reading.model.hidden_size, true);
    out.linear(Role::matrix, reading.model.hidden_size, reading.model.hidden_size, true);
    out.vector(Role::vector, width, 2);  // separators
    return;
  }
  if (type == "molmo") return molmo_tower(out, reading);
  const std::string_view key = whole.first(kVision);
  if (!key.empty() && reads_vision(type)) {
    const Keys vision(*whole.find(key), whole.path_of(key), vision_defaults(type));
    vision_projector(reading, out, vision);
    if (type == "minicpmv" || type == "lfm2_vl" || type == "internvl_chat") {
      for (const std::string_view said_twice :
           {"image_size", "patch_size", "encoder_patch_size", "tile_size", "force_image_size", "dynamic_image_size"}) {
        whole.has(said_twice);
      }
    }
  } else if (!key.empty()) {
    warn_unmodelled(reading, key);
  }
  if (const Json* audio = whole.find("audio_config"); audio != nullptr && audio->is_object()) {
    if (type == "qwen2_audio" || type == "voxtral" || type == "gemma4") {
      read_audio(reading, out, *audio);
    } else {
      warn_unmodelled(reading, "audio_config");
    }
  }
  for (const std::string_view part : {"thinker_config", "talker_config", "token2wav_config"}) {
    warn_unmodelled(reading, part);
  }
}

}  // namespace vram::read
