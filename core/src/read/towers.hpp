// Vision and audio towers. Matrices are named Role::matrix: engines keep towers in 16 bits, whatever the text is in.
#pragma once

#include <cstdint>

#include "read/family.hpp"

namespace vram::read {

// A stack of equal transformer blocks.
struct Blocks {
  std::int64_t hidden = 0;
  std::int64_t intermediate = 0;
  std::int64_t count = 0;
  bool qkv_bias = true;
  bool o_bias = true;
  bool mlp_bias = true;
  bool gated = false;
  int norm_vectors = 2;        // of hidden width in each of the two norms
  std::int64_t key_bias = 1;   // 0: no bias on keys (Whisper)
  std::int64_t attention = 0;  // width of all heads together; 0: hidden
};
void write_blocks(TensorWriter& out, const Blocks& blocks);

// hidden, intermediate and layer count under their usual names, bounded.
Blocks read_blocks(const Keys& keys);
// patch_size x patch_size x channels -> hidden
void write_patches(TensorWriter& out, const Keys& vision, std::int64_t hidden, std::int64_t frames, bool bias);
// (image_size / patch_size)^2
std::int64_t patches_of(const Keys& vision);

void clip_tower(TensorWriter& out, const Keys& vision);
void siglip_tower(TensorWriter& out, const Keys& vision);
void qwen2_tower(TensorWriter& out, const Keys& vision, std::int64_t hidden);
void qwen25_tower(TensorWriter& out, const Keys& vision);
void qwen3_tower(TensorWriter& out, const Keys& vision);
void glm_tower(TensorWriter& out, const Keys& vision);
void pixtral_tower(TensorWriter& out, const Keys& vision);
void mllama_tower(TensorWriter& out, const Keys& vision);
void llama4_tower(TensorWriter& out, const Keys& vision, std::int64_t hidden);
void intern_tower(TensorWriter& out, const Keys& vision, std::int64_t hidden, double downsample_ratio);
void molmo_tower(TensorWriter& out, const Reading& reading);
void gemma4_vision(TensorWriter& out, const Keys& vision, std::int64_t hidden);
void gemma4_audio(TensorWriter& out, const Keys& audio, std::int64_t hidden);
// Whisper's encoder, also in Qwen2-Audio and Voxtral.
void whisper_tower(TensorWriter& out, const Keys& audio);

}  // namespace vram::read
