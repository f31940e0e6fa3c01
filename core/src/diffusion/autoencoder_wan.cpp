// AutoencoderKLWan (2.1 and 2.2) and AutoencoderKLQwenImage. Source: huggingface/diffusers 58eb52c0803e,
// models/autoencoders/autoencoder_kl_wan.py, autoencoder_kl_qwenimage.py.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"
#include "diffusion/tiles.hpp"

namespace vram::diffusion {
namespace {

struct Config {
  Size base, decoder_base, latents, blocks, in_channels, out_channels, patch;
  std::vector<std::int64_t> multiples, time_down;
  bool residual;
  explicit Config(const Settings& s)
      : base(s.integer("base_dim", 96)),
        decoder_base(s.integer("decoder_base_dim", s.integer("base_dim", 96))),
        latents(s.integer("z_dim", 16)),
        blocks(s.integer("num_res_blocks", 2)),
        in_channels(s.integer("in_channels", s.integer("input_channels", 3))),
        out_channels(s.integer("out_channels", 3)),
        patch(std::max<Size>(1, s.integer("patch_size", 1))),
        multiples(s.integers("dim_mult", {1, 2, 4, 4})),
        time_down(s.integers("temperal_downsample", {0, 1, 1})),
        residual(s.truth("is_residual", false)) {
    require(!multiples.empty() && time_down.size() + 1 >= multiples.size(),
            "dim_mult and temperal_downsample differ in length");
  }
  Size space() const { return (Size{1} << (multiples.size() - 1)) * patch; }
  bool up_in_time(std::size_t level) const { return time_down[time_down.size() - 1 - level] != 0; }
};

// One slot a convolution: its last two frames. A new one takes the place of the old at once.
struct Memory {
  std::vector<Tensor> slots;
  std::vector<bool> seen;  // upsampling in time starts with the second piece
  std::size_t at = 0;
  Tensor& slot() {
    if (at >= slots.size()) {
      slots.emplace_back();
      seen.push_back(false);
    }
    return slots[at];
  }
  bool first() {
    slot();
    const bool was = seen[at];
    seen[at] = true;
    return !was;
  }
};

// WanCausalConv3d: what came before in front, padding (always a copy), convolution.
Tensor causal(const Tensor& input, const Tensor& before, Size out, Size kt, Size kernel, Size stride_t, bool padded) {
  Tensor x = input;
  const Size side = kernel / 2;
  Size front = padded ? kt - 1 : 0;
  if (before && front > 0) {
    x = cat({before, x}, 2);
    front -= before.dim(2);
  }
  x = pad(x, {side, side, side, side, front, 0});
  return conv(x, out, {kt, kernel, kernel}, {stride_t, 1, 1}, {0, 0, 0});
}

// Its last frames, for the next piece; with only one, together with the last of the piece before.
Tensor tail(const Tensor& x, const Tensor& before) {
  Tensor kept = copy(slice(x, 2, std::min<Size>(2, x.dim(2))));
  if (kept.dim(2) < 2 && before) kept = cat({slice(before, 2, 1), kept}, 2);
  return kept;
}

Tensor remembering(const Tensor& x, Size out, Memory& memory) {
  const std::size_t at = memory.at;
  Tensor kept = tail(x, memory.slot());
  Tensor y = causal(x, memory.slots[at], out, 3, 3, 1, true);
  memory.slots[at] = std::move(kept);
  ++memory.at;
  return y;
}

Tensor res_block(const Tensor& input, Size out, Memory& memory) {
  const Tensor skip = input.dim(1) != out ? causal(input, {}, out, 1, 1, 1, false) : input;
  Tensor x = normalize_channels(input);
  x = like(x);
  x = remembering(x, out, memory);
  x = normalize_channels(x);
  x = like(x);
  x = remembering(x, out, memory);
  return el(x, skip);
}

Tensor attention_block(const Tensor& input) {
  const Size b = input.dim(0), c = input.dim(1), n = input.dim(2), h = input.dim(3), w = input.dim(4);
  Tensor x = reshape(permute(input, {0, 2, 1, 3, 4}), {b * n, c, h, w});
  x = normalize_channels(x);
  Tensor qkv = conv2d(x, 3 * c, 1, 1, 0);
  qkv = qkv.view({b * n, 1, 3 * c, h * w});
  qkv = contiguous(permute(qkv, {0, 1, 3, 2}));
  const Tensor q = slice(qkv, -1, c);
  x = attend(q, q, q, 1);
  x = reshape(permute(x.view({b * n, h * w, c}), {0, 2, 1}), {b * n, c, h, w});
  x = conv2d(x, c, 1, 1, 0);
  x = permute(x.view({b, n, c, h, w}), {0, 2, 1, 3, 4});
  return el(x, input);
}

Tensor mid_block(const Tensor& input, Memory& memory) {
  Tensor x = res_block(input, input.dim(1), memory);
  x = attention_block(x);
  return res_block(x, x.dim(1), memory);
}

Tensor upsample(const Tensor& input, Size out, bool time, Memory& memory) {
  Tensor x = input, kept, grown;
  const Size b = x.dim(0), c = x.dim(1), h = x.dim(3), w = x.dim(4);
  if (time) {
    const std::size_t at = memory.at;
    if (memory.first()) {
      x.trace().count(c * 2 * c * 3 + 2 * c);  // the convolution in time runs from the second piece on
    } else {
      Tensor& slot = memory.slot();
      const bool fresh = !slot;
      kept = copy(slice(x, 2, std::min<Size>(2, x.dim(2))));
      if (kept.dim(2) < 2) kept = fresh ? cat({like(kept), kept}, 2) : cat({slice(slot, 2, 1), kept}, 2);
      const Size frames = x.dim(2);
      x = x.trace().uncounted([&] { return causal(x, slot, 2 * c, 3, 1, 1, true); });
      memory.slots[at] = std::move(kept);
      x = x.trace().make({b, c, 2 * frames, h, w}, x.dtype(), "frames interleaved");
    }
    ++memory.at;
  }
  const Size n = x.dim(2);
  x = reshape(permute(x, {0, 2, 1, 3, 4}), {b * n, c, h, w});
  {
    Tensor wide = to(x, DType::f32);
    Tensor large = resize(wide, {2 * h, 2 * w});
    wide.reset();
    Tensor fresh = to(std::move(large), x.dtype());
    x = std::move(fresh);
  }
  x = conv2d(x, out);
  return permute(x.view({b, n, out, 2 * h, 2 * w}), {0, 2, 1, 3, 4});
}

Tensor downsample(const Tensor& input, bool time, Memory& memory) {
  Tensor x = input;
  const Size b = x.dim(0), c = x.dim(1), n = x.dim(2), h = x.dim(3), w = x.dim(4);
  x = reshape(permute(x, {0, 2, 1, 3, 4}), {b * n, c, h, w});
  x = pad(x, {0, 1, 0, 1});
  x = conv2d(x, c, 3, 2, 0);
  x = permute(x.view({b, n, c, x.dim(2), x.dim(3)}), {0, 2, 1, 3, 4});
  if (time) {
    const std::size_t at = memory.at;
    if (memory.first()) {
      x.trace().count(c * c * 3 + c);
      memory.slots[at] = copy(x);
    } else {
      Tensor kept = copy(slice(x, 2, 1));
      Tensor joined = cat({slice(memory.slots[at], 2, 1), x}, 2);
      x = x.trace().uncounted([&] { return causal(joined, {}, c, 3, 1, 2, false); });
      memory.slots[at] = std::move(kept);
    }
    ++memory.at;
  }
  return x;
}

// DupUp3D: repeated channels folded into space and time.
Tensor duplicated(const Tensor& x, Size out, Size ft, Size fs, bool first) {
  const Size b = x.dim(0), n = x.dim(2), h = x.dim(3), w = x.dim(4);
  Tensor y = x.trace().make({b, out * ft * fs * fs, n, h, w}, x.dtype(), "repeated channels");
  y = copy(y);
  y = y.view({b, out, n * ft, h * fs, w * fs});
  return first ? slice(y, 2, y.dim(2) - ft + 1) : y;
}

Tensor averaged(const Tensor& x, Size out, Size ft, Size fs) {
  const Size front = (ft - x.dim(2) % ft) % ft;
  Tensor y = pad(x, {0, 0, 0, 0, front, 0});
  y = copy(y);
  return x.trace().make({y.dim(0), out, y.dim(2) / ft, y.dim(3) / fs, y.dim(4) / fs}, x.dtype(), "average");
}

Tensor decoder(const Tensor& z, const Config& c, Memory& memory, bool first) {
  const std::size_t levels = c.multiples.size();
  Tensor x = z;
  x = remembering(x, c.decoder_base * c.multiples.back(), memory);
  const auto layer = [&](auto body) {
    const Tensor held = x;
    x = body(held);
  };
  layer([&](const Tensor& y) { return mid_block(y, memory); });
  for (std::size_t i = 0; i < levels; ++i) {
    const Size out = c.decoder_base * c.multiples[levels - 1 - i];
    const bool up = i + 1 < levels, time = up && c.up_in_time(i);
    layer([&](const Tensor& held) {
      Tensor y = held;
      Tensor kept;
      if (c.residual) kept = copy(held);
      for (Size block = 0; block <= c.blocks; ++block) y = res_block(y, out, memory);
      if (up) y = upsample(y, c.residual ? out : out / 2, time, memory);
      if (c.residual && up) {
        const Tensor shortcut = duplicated(kept, out, time ? 2 : 1, 2, first);
        y = el(y, shortcut);
      }
      return y;
    });
  }
  x = normalize_channels(x);
  x = like(x);
  x = remembering(x, c.out_channels, memory);
  return x;
}

Tensor encoder(const Tensor& image, const Config& c, Memory& memory) {
  const std::size_t levels = c.multiples.size();
  Tensor x = image;
  x = remembering(x, c.base, memory);
  for (std::size_t i = 0; i < levels; ++i) {
    const Size out = c.base * c.multiples[i];
    const bool down = i + 1 < levels, time = down && c.time_down[i] != 0;
    if (c.residual) {
      const Tensor held = x;
      Tensor y = held;
      const Tensor kept = copy(held);
      for (Size block = 0; block < c.blocks; ++block) y = res_block(y, out, memory);
      if (down) y = downsample(y, time, memory);
      const Tensor shortcut = averaged(kept, out, time ? 2 : 1, down ? 2 : 1);
      x = el(y, shortcut);
      continue;
    }
    for (Size block = 0; block < c.blocks; ++block) x = res_block(x, out, memory);
    if (down) x = downsample(x, time, memory);
  }
  {
    const Tensor held = x;
    x = mid_block(held, memory);
  }
  x = normalize_channels(x);
  x = like(x);
  x = remembering(x, 2 * c.latents, memory);
  return x;
}

// Piece after piece, joined as they come. Peaks of pieces grow with what has been joined: the first three and the
// last are run.
template <class Piece>
Tensor joined(Trace& t, Size count, Piece piece) {
  Tensor out, last;
  for (Size i = 0; i < count; ++i) {
    if (i == 0) {
      out = piece(i);
      continue;
    }
    if (i <= 2 || i == count - 1) {
      last = t.uncounted([&] { return piece(i); });
    } else {
      last = t.make(last.shape(), last.dtype(), "decoded piece");
    }
    out = cat({out, last}, 2);
  }
  return out;
}

template <class Piece>
Tensor listed(Trace& t, Size count, Piece piece) {
  std::vector<Tensor> parts;
  for (Size i = 0; i < count; ++i) {
    if (i == 0) {
      parts.push_back(piece(i));
    } else if (i <= 2 || i == count - 1) {
      parts.push_back(t.uncounted([&] { return piece(i); }));
    } else {
      parts.push_back(t.make(parts.back().shape(), parts.back().dtype(), "decoded piece"));
    }
  }
  return cat(parts, 2);
}

constexpr Size kTile = 256, kTileStep = 192;  // tile_sample_min_height, tile_sample_stride_height

}  // namespace

void trace_wan_decode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor z =
      t.input({in.batch, in.latent_channels, in.latent_frames, in.latent_height, in.latent_width}, in.dtype, "latents");
  const Size tile = kTile / c.space(), step = kTileStep / c.space();
  const auto finish = [&](Tensor out) {
    if (c.patch > 1) {
      out = copy(out);
      out = out.view(
          {out.dim(0), out.dim(1) / (c.patch * c.patch), out.dim(2), out.dim(3) * c.patch, out.dim(4) * c.patch});
    }
    out = like(out);  // clamp
    return out;
  };
  const Tensor out = sliced(z, in.slicing, [&](const Tensor& latents) {
    if (in.tiling && (latents.dim(3) > tile || latents.dim(4) > tile)) {
      const Size kept = kTileStep / c.patch;
      const auto one = [&](const Tensor& part) {
        Memory memory;
        return listed(t, part.dim(2), [&](Size i) {
          memory.at = 0;
          Tensor frame = causal(slice(part, 2, 1), {}, c.latents, 1, 1, 1, false);
          return decoder(frame, c, memory, i == 0);
        });
      };
      return tiled(latents, {tile, tile, step, step, kept, kept}, one, finish);
    }
    Memory memory;
    const Tensor x = causal(latents, {}, c.latents, 1, 1, 1, false);
    Tensor whole = joined(t, x.dim(2), [&](Size i) {
      memory.at = 0;
      return decoder(slice(x, 2, 1), c, memory, i == 0);
    });
    return finish(std::move(whole));
  });
}

void trace_wan_encode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Size channels = c.in_channels / (c.patch * c.patch);
  const Tensor image = t.input({in.batch, channels, in.frames, in.height, in.width}, in.dtype, "pictures");
  const Size pieces = 1 + (in.frames - 1) / 4;
  const Tensor out = sliced(image, in.slicing, [&](const Tensor& pictures) {
    Tensor x = pictures;
    if (c.patch > 1) {
      x = copy(x);
      x = x.view({x.dim(0), c.in_channels, x.dim(2), x.dim(3) / c.patch, x.dim(4) / c.patch});
    }
    const auto piece = [&](const Tensor& from, Size i, Memory& memory) {
      memory.at = 0;
      return encoder(slice(from, 2, i == 0 ? 1 : 4), c, memory);
    };
    const auto quantize = [&](const Tensor& y) { return causal(y, {}, 2 * c.latents, 1, 1, 1, false); };
    if (in.tiling && (in.width > kTile || in.height > kTile)) {
      const Size kept = kTileStep / (c.space() / c.patch);
      return tiled(x, {kTile, kTile, kTileStep, kTileStep, kept, kept}, [&](const Tensor& part) {
        Memory memory;
        return listed(t, pieces, [&](Size i) { return quantize(piece(part, i, memory)); });
      });
    }
    Memory memory;
    Tensor all = joined(t, pieces, [&](Size i) { return piece(x, i, memory); });
    return quantize(all);
  });
}

}  // namespace vram::diffusion
