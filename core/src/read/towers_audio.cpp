// Audio towers.
#include <algorithm>

#include "read/towers.hpp"

namespace vram::read {

// transformers whisper/modeling_whisper.py, WhisperEncoder: two convolutions of three frames, no bias on keys.
void whisper_tower(TensorWriter& out, const Keys& audio) {
  constexpr std::string_view widths[] = {"encoder_ffn_dim", "intermediate_size"};
  constexpr std::string_view depths[] = {"encoder_layers", "num_hidden_layers"};
  constexpr std::string_view hidden_sizes[] = {"d_model", "hidden_size"};
  Blocks blocks;
  blocks.hidden = audio.integer(hidden_sizes, 1, kMaxWidth);
  blocks.intermediate = audio.integer(audio.has("encoder_ffn_dim") ? widths[0] : widths[1], 1, kMaxWidth);
  blocks.count = audio.integer(audio.has("encoder_layers") ? depths[0] : depths[1], 1, kMaxLayers);
  blocks.key_bias = 0;
  out.linear(Role::matrix, 3 * audio.integer("num_mel_bins", 1, 65536), blocks.hidden, true);
  out.linear(Role::matrix, 3 * blocks.hidden, blocks.hidden, true);
  out.matrix(Role::position_embd, blocks.hidden, audio.integer("max_source_positions", 1, 1 << 24));
  out.vector(Role::norm, blocks.hidden, 2);
  write_blocks(out, blocks);
}

// transformers gemma4/modeling_gemma4.py: a conformer behind two strided convolutions over 128 mel bins.
void gemma4_audio(TensorWriter& out, const Keys& audio, std::int64_t hidden) {
  const std::int64_t d = audio.integer("hidden_size", 1, kMaxWidth);
  const std::int64_t layers = audio.integer("num_hidden_layers", 1, kMaxLayers);
  const std::int64_t heads = audio.integer("num_attention_heads", 1, kMaxHeads);
  const std::int64_t kernel = audio.integer("conv_kernel_size", 1, 1024);
  const std::int64_t first = audio.item("subsampling_conv_channels", 0, 1, 65536);
  const std::int64_t second = audio.item("subsampling_conv_channels", 1, 1, 65536);
  constexpr std::int64_t frequencies = 128 / 4;  // mel bins after two strides of two
  out.matrix(Role::matrix, 9, first);
  out.matrix(Role::matrix, 9 * first, second);
  out.vector(Role::norm, first);
  out.vector(Role::norm, second);
  out.matrix(Role::matrix, second * frequencies, d);
  // two half feed-forwards, attention with relative keys, light convolution, final norm
  out.matrix(Role::matrix, d, 4 * d, 2 * layers);
  out.matrix(Role::matrix, 4 * d, d, 2 * layers);
  out.matrix(Role::matrix, d, d, 5 * layers);
  out.matrix(Role::matrix, d, 2 * d, layers);
  out.matrix(Role::matrix, kernel, d, layers);
  out.matrix(Role::matrix, d, d, layers);
  out.vector(Role::vector, std::max<std::int64_t>(1, d / heads), layers);
  out.vector(Role::norm, d, 9 * layers);
  const std::int64_t width = audio.integer("output_proj_dims", 1, kMaxWidth);
  out.linear(Role::matrix, d, width, true);
  out.outside(Part::projector);
  out.matrix(Role::matrix, width, hidden);
}

}  // namespace vram::read
