// What tensor names give away. GGUF: llama.cpp v0.5.0 src/llama-arch.cpp and tools/mtmd/clip-impl.h; checkpoints:
// transformers' module names; diffusion: Stability-AI/generative-models, black-forest-labs/flux, comfyanonymous/ComfyUI
// model_detection.py, leejet/stable-diffusion.cpp model.cpp.
#include "read/file/facts.hpp"

namespace vram::read {
namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

struct Clue {
  std::string_view part;
  std::string_view family;
};

// The first that occurs in a name decides.
constexpr Clue kDiffusion[] = {
    {"double_blocks.*.img_attn", "flux"},
    {"single_transformer_blocks.*.attn", "flux"},
    {"joint_blocks.*", "sd3"},
    {"double_stream_blocks.*", "hidream"},
    {"transformer_blocks.*.attn.add_q_proj", "mmdit"},
    {"blocks.*.cross_attn.norm_k", "wan"},
    {"input_blocks.*.transformer_blocks", "unet"},
    {"input_blocks.*", "unet"},
    {"down_blocks.*.attentions", "unet"},
    {"caption_projection.", "dit"},
    {"first_stage_model.", "vae"},
};

constexpr Clue kParts[] = {
    {"vision_tower", "vision"},
    {"vision_model", "vision"},
    {"visual.", "vision"},
    {"vision_encoder", "vision"},
    {"audio_tower", "audio"},
    {"multi_modal_projector", "projector"},
    {"mm_projector", "projector"},
    {"embed_vision", "projector"},
    {"v.blk.", "vision"},
    {"v.patch_embd", "vision"},
    {"v.position_embd", "vision"},
    {"mm.", "projector"},
    {"a.blk.", "audio"},
    {"_exps", "experts"},
    {".experts.", "experts"},
    {"shared_expert", "experts"},
    {"_shexp", "experts"},
    {"block_sparse_moe", "experts"},
    {"ssm_", "state"},
    {"mamba", "state"},
    {"mixer.", "state"},
    {"linear_attn", "state"},
    {"time_mix", "state"},
    {"shortconv", "state"},
    {"attn", "attention"},
    {"attention", "attention"},
    {"indexer", "attention"},
    {"ffn", "feed_forward"},
    {"mlp", "feed_forward"},
    {"feed_forward", "feed_forward"},
    {"token_embd", "embeddings"},
    {"embed_tokens", "embeddings"},
    {"word_embeddings", "embeddings"},
    {"wte.", "embeddings"},
    {"wpe.", "embeddings"},
    {"lm_head", "output"},
    {"output.weight", "output"},
    {"norm", "norms"},
};

constexpr Clue kPipelineParts[] = {
    {"first_stage_model.", "vae"},
    {"vae.", "vae"},
    {"cond_stage_model.", "text_encoder"},
    {"conditioner.", "text_encoder"},
    {"text_encoder", "text_encoder"},
    {"text_model", "text_encoder"},
    {"te.", "text_encoder"},
};

}  // namespace

std::string kind_by_names(const TensorList& tensors, std::string& architecture) {
  std::string_view family;
  std::size_t lora = 0, direction = 0;
  std::int64_t context = 0;
  for (const TensorGroup& group : tensors.groups()) {
    const std::string_view name = group.name;
    if (has(name, "lora_") || has(name, ".lora_a") || has(name, ".lora_b") || has(name, "lora.down") ||
        has(name, "hada_w") || has(name, "lokr_w")) {
      ++lora;
    }
    if (name.starts_with("direction.")) ++direction;
    for (const Clue& clue : kDiffusion) {
      if (!has(name, clue.part)) continue;
      if (family.empty() || family == "vae") family = clue.family;
      break;
    }
    if (has(name, "attn2.to_k.weight") && group.shape.size() == 2) {
      context =
          std::max(context, std::min(group.shape[0], group.shape[1]) == 320 ? std::max(group.shape[0], group.shape[1])
                                                                            : group.shape[1]);
    }
  }
  const std::size_t all = tensors.groups().size();
  if (all == 0) return "";
  if (2 * lora > all) return "adapter";
  if (direction == all) return "control_vector";
  if (family.empty()) return "";
  if (architecture.empty()) {
    architecture = family;
    if (family == "unet" && context == 768) architecture = "sd1";
    if (family == "unet" && context == 1024) architecture = "sd2";
    if (family == "unet" && context == 2048) architecture = "sdxl";
  }
  return "diffusion";
}

std::string_view part_by_name(std::string_view name, bool diffusion) {
  if (diffusion) {
    for (const Clue& clue : kPipelineParts) {
      if (name.starts_with(clue.part) || has(name, "." + std::string(clue.part))) return clue.family;
    }
    return "diffusion_model";
  }
  for (const Clue& clue : kParts) {
    if (has(name, clue.part)) return clue.family;
  }
  return "other";
}

}  // namespace vram::read
