// Vision towers, shapes as in the transformers class of the family unless said otherwise.
#include <algorithm>

#include "read/towers.hpp"
#include "vram/bytes.hpp"

namespace vram::read {
namespace {

constexpr std::string_view kDepth[] = {"num_hidden_layers", "depth"};
constexpr std::string_view kChannels[] = {"in_channels", "in_chans", "num_channels"};

// [merged] -> [merged] -> out, both with bias.
void merger(TensorWriter& out, std::int64_t merged, std::int64_t width) {
  out.linear(Role::matrix, merged, merged, true);
  out.linear(Role::matrix, merged, width, true);
}

std::int64_t merged_width(const Keys& vision, std::int64_t hidden) {
  const std::int64_t merge = vision.integer_or("spatial_merge_size", 1, 64, 2);
  return hidden * merge * merge;
}

}  // namespace

void write_blocks(TensorWriter& out, const Blocks& b) {
  const std::int64_t attention = b.attention > 0 ? b.attention : b.hidden;
  out.vector(Role::norm, b.hidden, 2 * b.norm_vectors * b.count);
  out.matrix(Role::matrix, b.hidden, attention, 3 * b.count);
  if (b.qkv_bias) out.vector(Role::bias, attention, (2 + b.key_bias) * b.count);
  out.linear(Role::matrix, attention, b.hidden, b.o_bias, b.count);
  out.linear(Role::matrix, b.hidden, b.intermediate, b.mlp_bias, (b.gated ? 2 : 1) * b.count);
  out.linear(Role::matrix, b.intermediate, b.hidden, b.mlp_bias, b.count);
}

Blocks read_blocks(const Keys& keys) {
  Blocks blocks;
  blocks.hidden = keys.integer(kHiddenSize, 1, kMaxWidth);
  blocks.intermediate = keys.integer(kIntermediate, 1, kMaxWidth);
  blocks.count = keys.integer(kDepth, 1, kMaxLayers);
  return blocks;
}

void write_patches(TensorWriter& out, const Keys& vision, std::int64_t hidden, std::int64_t frames, bool bias) {
  const std::int64_t patch = vision.integer("patch_size", 1, 4096);
  const std::int64_t channels = vision.integer_or(kChannels, 1, 64, 3);
  out.linear(Role::matrix, channels * frames * patch * patch, hidden, bias);
}

std::int64_t patches_of(const Keys& vision) {
  const std::int64_t patch = vision.integer("patch_size", 1, 4096);
  const std::int64_t side = vision.integer("image_size", patch, 1 << 20) / patch;
  return side * side;
}

void clip_tower(TensorWriter& out, const Keys& vision) {
  const Blocks blocks = read_blocks(vision);
  write_patches(out, vision, blocks.hidden, 1, false);
  out.vector(Role::vector, blocks.hidden);  // class token
  out.matrix(Role::position_embd, blocks.hidden, patches_of(vision) + 1);
  out.vector(Role::norm, blocks.hidden, 4);  // before and after
  write_blocks(out, blocks);
}

void siglip_tower(TensorWriter& out, const Keys& vision) {
  const Blocks blocks = read_blocks(vision);
  write_patches(out, vision, blocks.hidden, 1, true);
  const bool counted = vision.has("num_patches");
  out.matrix(Role::position_embd, blocks.hidden,
             counted ? vision.integer("num_patches", 1, 1 << 20) : patches_of(vision));
  out.vector(Role::norm, blocks.hidden, 2);
  write_blocks(out, blocks);
}

void qwen2_tower(TensorWriter& out, const Keys& vision, std::int64_t hidden) {
  Blocks blocks;
  blocks.hidden = vision.integer("embed_dim", 1, kMaxWidth);
  blocks.count = vision.integer("depth", 1, kMaxLayers);
  blocks.intermediate = blocks.hidden * vision.integer_or("mlp_ratio", 1, 64, 4);
  write_patches(out, vision, blocks.hidden, vision.integer_or("temporal_patch_size", 1, 64, 2), false);
  write_blocks(out, blocks);
  out.outside(Part::projector);
  out.vector(Role::norm, blocks.hidden, 2);
  merger(out, merged_width(vision, blocks.hidden), hidden);
}

void qwen25_tower(TensorWriter& out, const Keys& vision) {
  Blocks blocks = read_blocks(vision);
  blocks.gated = true;
  blocks.norm_vectors = 1;
  write_patches(out, vision, blocks.hidden, vision.integer_or("temporal_patch_size", 1, 64, 2), false);
  write_blocks(out, blocks);
  out.outside(Part::projector);
  out.vector(Role::norm, blocks.hidden);
  merger(out, merged_width(vision, blocks.hidden), vision.integer("out_hidden_size", 1, kMaxWidth));
}

void qwen3_tower(TensorWriter& out, const Keys& vision) {
  const Blocks blocks = read_blocks(vision);
  const std::int64_t merged = merged_width(vision, blocks.hidden);
  const std::int64_t width = vision.integer("out_hidden_size", 1, kMaxWidth);
  write_patches(out, vision, blocks.hidden, vision.integer_or("temporal_patch_size", 1, 64, 2), true);
  out.matrix(Role::position_embd, blocks.hidden, vision.integer("num_position_embeddings", 1, 1 << 24));
  write_blocks(out, blocks);
  out.outside(Part::projector);
  out.vector(Role::norm, blocks.hidden, 2);
  merger(out, merged, width);
  const Json* deepstack = vision.list("deepstack_visual_indexes");
  const std::size_t extra = deepstack == nullptr ? 0 : std::min<std::size_t>(deepstack->size(), 4096);
  for (std::size_t i = 0; i < extra; ++i) {
    out.vector(Role::norm, merged, 2);
    merger(out, merged, width);
  }
}

void glm_tower(TensorWriter& out, const Keys& vision) {
  Blocks blocks = read_blocks(vision);
  const std::int64_t merge_width = blocks.intermediate;  // of the merger; the blocks are out_hidden_size wide inside
  const std::int64_t width = vision.integer("out_hidden_size", 1, kMaxWidth);
  blocks.intermediate = width;
  blocks.gated = true;
  blocks.norm_vectors = 1;
  blocks.qkv_bias = blocks.o_bias = blocks.mlp_bias = false;
  write_patches(out, vision, blocks.hidden, vision.integer_or("temporal_patch_size", 1, 64, 2), true);
  out.matrix(Role::position_embd, blocks.hidden, patches_of(vision));
  out.vector(Role::norm, blocks.hidden, 2);
  write_blocks(out, blocks);
  out.outside(Part::projector);
  out.linear(Role::matrix, merged_width(vision, blocks.hidden), width, true);
  out.matrix(Role::matrix, width, width);
  out.vector(Role::norm, width, 2);
  out.matrix(Role::matrix, width, merge_width, 2);
  out.matrix(Role::matrix, merge_width, width);
}

void pixtral_tower(TensorWriter& out, const Keys& vision) {
  Blocks blocks = read_blocks(vision);
  blocks.gated = true;
  blocks.norm_vectors = 1;
  blocks.qkv_bias = blocks.o_bias = blocks.mlp_bias = false;
  write_patches(out, vision, blocks.hidden, 1, false);
  out.vector(Role::norm, blocks.hidden);
  write_blocks(out, blocks);
}

void mllama_tower(TensorWriter& out, const Keys& vision) {
  Blocks blocks = read_blocks(vision);
  blocks.qkv_bias = blocks.o_bias = false;
  const std::int64_t tiles = vision.integer("max_num_tiles", 1, 1024);
  const Json* ratios = vision.list("supported_aspect_ratios");
  const std::int64_t rows =
      ratios == nullptr ? 9 : std::min<std::int64_t>(static_cast<std::int64_t>(ratios->size()), 4096) + 1;
  const std::int64_t positions = patches_of(vision) + 1;
  const std::int64_t global = vision.integer("num_global_layers", 0, kMaxLayers);
  write_patches(out, vision, blocks.hidden, 1, false);
  out.vector(Role::vector, blocks.hidden);  // class token
  out.matrix(Role::position_embd, blocks.hidden, positions);
  out.matrix(Role::position_embd, tiles * positions * blocks.hidden, rows);  // per tile and aspect ratio
  out.matrix(Role::position_embd, tiles * blocks.hidden, rows, 2);           // before and after the tiles
  out.vector(Role::vector, 1, 3);                                            // gates
  out.vector(Role::norm, blocks.hidden, 4);
  write_blocks(out, blocks);
  if (global > 0) {
    blocks.count = global;
    write_blocks(out, blocks);
    out.vector(Role::vector, 1, 2 * global);  // gates
  }
}

void llama4_tower(TensorWriter& out, const Keys& vision, std::int64_t hidden) {
  const Blocks blocks = read_blocks(vision);
  clip_tower(out, vision);
  const std::int64_t in = vision.integer("projector_input_dim", 1, kMaxWidth);
  const std::int64_t width = vision.integer("projector_output_dim", 1, kMaxWidth);
  out.outside(Part::projector);
  out.matrix(Role::matrix, blocks.intermediate, in);
  out.matrix(Role::matrix, in, width);
  out.matrix(Role::matrix, vision.integer("vision_output_dim", 1, kMaxWidth), hidden);
}

void intern_tower(TensorWriter& out, const Keys& vision, std::int64_t hidden, double downsample_ratio) {
  Blocks blocks = read_blocks(vision);
  blocks.qkv_bias = vision.flag("qkv_bias", true);
  blocks.norm_vectors = vision.text_or("norm_type", "layer_norm") == "rms_norm" ? 1 : 2;
  write_patches(out, vision, blocks.hidden, 1, true);
  out.vector(Role::vector, blocks.hidden);
  out.matrix(Role::position_embd, blocks.hidden, patches_of(vision) + 1);
  write_blocks(out, blocks);
  out.vector(Role::vector, blocks.hidden, 2 * blocks.count);  // layer scales
  if (vision.flag("qk_normalization", false)) out.vector(Role::norm, blocks.hidden, 2 * blocks.count);
  const auto merged =
      static_cast<std::int64_t>(static_cast<double>(blocks.hidden) / downsample_ratio / downsample_ratio);
  out.outside(Part::projector);
  out.vector(Role::norm, merged, 2);
  out.linear(Role::matrix, merged, hidden, true);
  out.linear(Role::matrix, hidden, hidden, true);
}

// CLIP ViT-L/14 at 336, hard-coded in the remote code of allenai/Molmo-7B-D-0924 (modeling_molmo.py): 23 blocks used,
// the features of two of them pooled by attention.
void molmo_tower(TensorWriter& out, const Reading& reading) {
  const std::int64_t width = reading.text.integer("intermediate_size", 2, kMaxWidth) / 2;
  constexpr std::int64_t e = 1024;
  out.vector(Role::vector, e);
  out.matrix(Role::position_embd, e, 577);
  out.matrix(Role::matrix, 588, e);
  out.vector(Role::norm, e, 2);
  Blocks blocks;
  blocks.hidden = e;
  blocks.intermediate = 4 * e;
  blocks.count = 23;
  write_blocks(out, blocks);
  out.outside(Part::projector);
  out.matrix(Role::matrix, 2 * e, 2);  // pad_embed: padded and partly padded patches
  out.linear(Role::matrix, 2 * e, e, true, 3);
  out.linear(Role::matrix, e, e, true);
  out.matrix(Role::matrix, e, width, 2);
  out.matrix(Role::matrix, width, reading.model.hidden_size);
}

void gemma4_vision(TensorWriter& out, const Keys& vision, std::int64_t hidden) {
  Blocks blocks = read_blocks(vision);
  const std::int64_t heads = vision.integer("num_attention_heads", 1, kMaxHeads);
  const std::int64_t head_dim =
      vision.integer_or("head_dim", 1, kMaxHeadDim, std::max<std::int64_t>(1, blocks.hidden / heads));
  blocks.attention = heads * head_dim;
  blocks.gated = true;
  blocks.qkv_bias = blocks.o_bias = blocks.mlp_bias = false;  // four norms without bias: norm_vectors stays 2
  write_patches(out, vision, blocks.hidden, 1, false);
  out.matrix(Role::position_embd, blocks.hidden, 2 * vision.integer("position_embedding_size", 1, 1 << 24));
  write_blocks(out, blocks);
  out.vector(Role::norm, head_dim, 2 * blocks.count);
  if (vision.flag("standardize", false)) out.vector(Role::vector, blocks.hidden, 2);
  out.outside(Part::projector);
  out.matrix(Role::matrix, blocks.hidden, hidden);
}

}  // namespace vram::read
