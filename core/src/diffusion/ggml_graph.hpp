// Graphs as stable-diffusion.cpp (commit 97d2990807fe) writes them for ggml: one picture, FP32 between operations.
// src/core/ggml_extend.hpp, src/model/common/block.hpp. Internal to diffusion/.
#pragma once

#include "diffusion/trace.hpp"
#include "vram/tape.hpp"

namespace vram::diffusion {

struct GgmlOptions {
  bool flash = false;   // --diffusion-fa
  bool direct = false;  // --diffusion-conv-direct, --vae-conv-direct: no im2col
};

// A picture of features (w x h x channels) or a row of tokens (channels x tokens: h is 1).
struct Features {
  TapeId id = -1;
  Size width = 0, height = 1, channels = 0;
  Size pixels() const { return width * height; }
};

class GgmlGraph {
 public:
  explicit GgmlGraph(GgmlOptions options) : options_(options) {}
  Features input(Size width, Size height, Size channels);
  Features conv(const Features& x, Size out, Size kernel, Size stride = 1);
  Features group_norm_silu(const Features& x);
  Features group_norm(const Features& x) { return like(x, "group norm"); }
  Features layer_norm(const Features& x) { return like(x, "norm"); }
  Features linear(const Features& x, Size out);
  Features upscale(const Features& x);
  Features add(const Features& a, const Features& b);
  Features concat(const Features& a, const Features& b);
  Features tokens(const Features& picture);                           // permuted, made contiguous
  Features picture(const Features& tokens, Size width, Size height);  // and back
  // Heads of q against k and v, as ggml_ext_attention_ext.
  Features attend(const Features& q, const Features& k, const Features& v, Size heads);
  Features geglu(const Features& x, Size inner);
  TapeId copy(TapeId of, Bytes bytes) { return tape_.op("cont", bytes, {of}); }
  const Tape& tape() const { return tape_; }
  void output(const Features& x) { tape_.mark_output(x.id); }

 private:
  Features like(const Features& x, std::string_view name);
  GgmlOptions options_;
  Tape tape_;
};

struct UNetGraphInput {
  Size width = 0, height = 0, tokens = 77;
};
Tape unet_graph(const Settings& config, const UNetGraphInput& in, GgmlOptions options);
Tape kl_decode_graph(const Settings& config, Size width, Size height, GgmlOptions options);

}  // namespace vram::diffusion
