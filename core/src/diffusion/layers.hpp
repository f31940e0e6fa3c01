// Building blocks that several models share, as diffusers (commit 58eb52c0803e) defines them.
#pragma once

#include "diffusion/trace.hpp"

namespace vram::diffusion {

// Attention heads: how many, and how wide each is.
struct Heads {
  Size count, dim;
  Size width() const { return count * dim; }
  // (B, tokens, width) -> (B, tokens, count, dim)
  Tensor split(const Tensor& x) const { return x.view({x.dim(0), x.dim(1), count, dim}); }
};

// A sinusoidal embedding of n timesteps; FP32.
Tensor timestep_embedding(Trace& t, Size n, Size channels);
// TimestepEmbedding: linear, SiLU, linear.
Tensor embed_time(const Tensor& sample, Size width, Size out = 0);

// resnet.py ResnetBlock2D without a time embedding when `temb` is empty.
Tensor resnet_block(const Tensor& input, const Tensor& temb, Size out);
// attention_processor.py AttnProcessor2_0. `context` empty: self-attention.
struct AttnOptions {
  Size heads = 1, head_dim = 64;
  bool bias = false;  // of q, k, v
  bool out_bias = true;
  bool group_norm = false;  // on (B, C, H, W) input, with a residual
  bool residual = false;    // the input is added to the result (always so for pictures)
  bool fuse = false;
};
Tensor attention_2_0(const Tensor& input, const Tensor& context, const AttnOptions& options);

// attend() with a mask over all pairs of tokens. PyTorch v2.8.0, transformers/attention.cpp: truth values become
// numbers to add, and rows whose length is no multiple of 8 are padded.
Tensor attend_masked(const Tensor& q, const Tensor& k, const Tensor& v, int heads_dim, const Tensor& mask);

enum class Act : std::uint8_t { gelu, geglu, silu_gated };
Tensor feed_forward(const Tensor& x, Size inner, Size out, Act act, bool bias = true);
// As above, chunk by chunk where forward chunking is on.
Tensor feed_forward_chunked(const Tensor& x, Size inner, Size out, Act act);

// attention.py BasicTransformerBlock with layer norms and a gated feed-forward.
Tensor transformer_block(const Tensor& input, const Tensor& text, Size heads);
// autoencoder_kl_cogvideox.py CogVideoXSafeConv3d: in pieces along time when the input is larger than 2 GiB in 16 bits.
Tensor safe_conv(const Tensor& x, Size out, std::initializer_list<Size> kernel, std::initializer_list<Size> stride,
                 std::initializer_list<Size> padding);

// diffusers' own RMSNorm: through FP32 by hand.
Tensor rms_norm_by_hand(const Tensor& x, bool weight = true);
// RMS norm over channels by F.normalize, as in Wan's and HunyuanVideo-1.5's autoencoders.
Tensor normalize_channels(const Tensor& x);
// embeddings.py apply_rotary_emb with real frequencies in FP32.
Tensor rotate(const Tensor& x, const Tensor& cosine);
// The same on complex numbers: a copy in FP32, the product, and back. Frequencies in FP64 make the product FP64.
Tensor rotate_complex(const Tensor& x, DType frequencies = DType::f32);
// FP32LayerNorm: through FP32 and back.
Tensor layer_norm_f32(const Tensor& x, bool weight = false);

struct AdaLayerNormZero {
  Tensor x, modulation;
};
// normalization.py AdaLayerNormZero (n = 6) and ...Single (n = 3): keeps the whole modulation alive.
AdaLayerNormZero ada_layer_norm_zero(const Tensor& x, const Tensor& emb, Size n);
Tensor ada_layer_norm_continuous(const Tensor& x, const Tensor& emb);
// x * (1 + scale) + shift
Tensor modulate(Tensor x, const Tensor& row);

}  // namespace vram::diffusion
