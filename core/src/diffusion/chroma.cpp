// ChromaTransformer2DModel: FLUX.1's blocks, whose modulation one small network makes for all of them. Source:
// huggingface/diffusers 58eb52c0803e, models/transformers/transformer_chroma.py, pipelines/chroma/pipeline_chroma.py.
#include "diffusion/flux.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {

void trace_chroma(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Size heads = s.integer("num_attention_heads", 24), head_dim = s.integer("attention_head_dim", 128);
  const Size width = heads * head_dim, channels = s.integer("in_channels", 64);
  const Size doubles = s.integer("num_layers", 19), singles = s.integer("num_single_layers", 38);
  const Size inner = s.integer("approximator_hidden_dim", 5120);
  const Size time_channels = s.integer("approximator_num_channels", 64);
  const Size tokens = (in.latent_height / 2) * (in.latent_width / 2) * (1 + in.input_images);
  const Size all = tokens + in.text_tokens, rows = 3 * singles + 12 * doubles + 2;

  const Tensor latents = t.input({in.batch, tokens, channels}, dtype, "latents");
  const Tensor text_in =
      t.input({in.batch, in.text_tokens, s.integer("joint_attention_dim", 4096)}, dtype, "text embeddings");
  const Tensor ids = t.input({all, 3}, dtype, "position ids");
  const Tensor mask = t.input({in.batch, all}, dtype, "attention mask");
  Tensor picture = linear(latents, width);
  const Tensor steps = t.make({in.batch, rows, time_channels}, dtype, "timesteps");
  Tensor modulation = linear(steps, inner);
  t.repeat(s.integer("approximator_layers", 5), [&] {
    Tensor y = rms_norm(modulation);
    y = like(linear(std::move(y), inner));
    y = linear(std::move(y), inner);
    modulation = el(modulation, y);
  });
  modulation = linear(modulation, width);
  Tensor text = linear(text_in, width);
  const Tensor joined_ids = t.make({all, 3}, dtype, "position ids");
  const Tensor cosine = t.make({1, all, 1, head_dim}, DType::f32, "rotary cosines");
  const Tensor sine = t.make({all, head_dim}, DType::f32, "rotary sines");
  const auto square_mask = [&] { return t.make({in.batch, 1, all, all}, dtype, "attention mask of pairs"); };
  const auto modulated = [&](const Tensor& x, const Tensor& row) { return modulate(layer_norm(x, false), row); };

  t.stack("transformer_blocks", doubles, [&] {
    const Tensor own = t.make({in.batch, 12, width}, dtype, "modulation");
    const Tensor row = slice(own, 1, 1);
    Tensor normed = modulated(picture, row);
    Tensor text_normed = modulated(text, row);
    const Tensor pairs = square_mask();
    TwoStreams attended = flux_attention(normed, text_normed, cosine, heads, head_dim);
    Tensor next = flux_finish(picture, attended.picture, normed, row, width);
    Tensor next_text = flux_finish(text, attended.text, text_normed, row, width);
    if (dtype == DType::f16) next_text = like(next_text);
    picture = std::move(next);
    text = std::move(next_text);
  });
  picture = cat({text, picture}, 1);
  t.stack("single_transformer_blocks", singles, [&] {
    const Tensor row = slice(modulation, 1, 1);
    const Tensor residual = picture;
    const Tensor normed = modulated(residual, row);
    const Tensor mlp = like(linear(normed, 4 * width));
    const Tensor pairs = square_mask();
    const Tensor attended = flux_attention(normed, {}, cosine, heads, head_dim).picture;
    Tensor hidden = cat({attended, mlp}, 2);
    {
      Tensor projected = linear(hidden, width);
      hidden = el(row, std::move(projected));
    }
    hidden = el(residual, hidden);
    if (dtype == DType::f16) hidden = like(hidden);
    picture = std::move(hidden);
  });
  picture = slice(picture, 1, tokens);
  picture = modulated(picture, slice(modulation, 1, 1));
  picture = linear(picture, s.integer("patch_size", 1) * s.integer("out_channels", channels));
}

}  // namespace vram::diffusion
