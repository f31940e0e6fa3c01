// AutoencoderKLTemporalDecoder (Stable Video Diffusion): encodes as AutoencoderKL, decodes all frames of a chunk
// together. Source: huggingface/diffusers 58eb52c0803e, models/autoencoders/autoencoder_kl_temporal_decoder.py; a chunk
// is the whole clip unless asked otherwise (pipeline_stable_video_diffusion.py).
#include <algorithm>

#include "diffusion/models.hpp"
#include "diffusion/spatio_temporal.hpp"

namespace vram::diffusion {

void trace_temporal_decoder_decode(Trace& t, const Settings& s, const CodecInput& in) {
  const std::vector<std::int64_t> widths = s.integers("block_out_channels", {64});
  const Size layers = s.integer("layers_per_block", 1), out_channels = s.integer("out_channels", 3);
  require(!widths.empty(), "block_out_channels is empty");
  const Size batch = in.batch, all = batch * std::max<Size>(1, in.latent_frames);
  const Tensor z = t.input({all, in.latent_channels, in.latent_height, in.latent_width}, in.dtype, "latents");
  Tensor x = conv2d(z, widths.back());
  {
    const Tensor held = x;
    Tensor y = spatio_temporal_resnet(held, {}, widths.back(), batch);
    AttnOptions o;
    o.heads = 1;
    o.head_dim = widths.back();
    o.bias = true;
    o.group_norm = true;
    for (Size layer = 1; layer < layers; ++layer) {
      if (layer == 1) y = attention_2_0(y, {}, o);
      y = spatio_temporal_resnet(y, {}, widths.back(), batch);
    }
    x = std::move(y);
  }
  for (std::size_t i = widths.size(); i-- > 0;) {
    const Tensor held = x;
    Tensor y = held;
    for (Size layer = 0; layer <= layers; ++layer) y = spatio_temporal_resnet(y, {}, widths[i], batch);
    if (i > 0) {
      const Tensor low = y;
      Tensor high = resize(low, {2 * low.dim(2), 2 * low.dim(3)});
      high = conv2d(high, widths[i]);
      y = std::move(high);
    }
    x = std::move(y);
  }
  x = group_norm(x);
  x = like(x);
  x = conv2d(x, out_channels);
  x = permute(x.view({batch, all / batch, out_channels, x.dim(2), x.dim(3)}), {0, 2, 1, 3, 4});
  x = conv(x, out_channels, {3, 1, 1}, {1, 1, 1}, {1, 0, 0});
  x = reshape(permute(x, {0, 2, 1, 3, 4}), {all, out_channels, x.dim(3), x.dim(4)});
}

void trace_temporal_decoder_encode(Trace& t, const Settings& s, const CodecInput& in) { trace_kl_encode(t, s, in); }

}  // namespace vram::diffusion
