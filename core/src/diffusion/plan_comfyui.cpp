// ComfyUI and Forge: models are loaded when they are asked for, next to those that are there, as far as the card goes.
// What does not fit beside the memory that they reckon for inference stays in RAM and is copied layer by layer.
// ComfyUI 00184d155ba6, comfy/model_management.py, sampler_helpers.py, samplers.py, sd.py;
// stable-diffusion-webui-forge dfdcbab685e5, backend/memory_management.py, modules/k_model.py, patcher/vae.py.
#include <algorithm>
#include <limits>

#include "diffusion/parts.hpp"

namespace vram::diffusion {
namespace {

constexpr Bytes kEndless = std::numeric_limits<Bytes>::max() / 4;

// memory_usage_factor of comfy/supported_models.py; 0: not known here.
double usage_factor(const Component& denoiser) {
  const Settings& s = denoiser.config;
  const std::string_view name = denoiser.class_name;
  if (name == "UNet2DConditionModel") return s.integer("cross_attention_dim", 768) == 2048 ? 0.8 : 1;
  if (name == "SD3Transformer2DModel") return 1.2;
  if (name == "FluxTransformer2DModel") return 3.1;
  if (name == "QwenImageTransformer2DModel") return 1.8;
  if (name == "ZImageTransformer2DModel") return 2.8;
  if (name == "WanTransformer3DModel")
    return static_cast<double>(s.integer("num_attention_heads", 40) * s.integer("attention_head_dim", 128)) / 2222;
  return 0;
}

class Card {
 public:
  explicit Card(const Planner& planner)
      : p_(planner),
        forge_(planner.request.engine.engine == DiffusionEngine::forge),
        loaded_(planner.weights.size(), 0),
        size_(planner.request.has_gpu ? planner.request.machine.gpu.memory_bytes : kEndless) {
    const EngineChoice& e = p_.request.engine;
    reserve_ = forge_ ? 0 : e.reserve_vram_gib ? scaled(kGiB, *e.reserve_vram_gib) : 400 * kMiB;
    minimum_ = forge_ ? kGiB : add(scaled(kGiB, 0.8), reserve_);
    if (forge_ && e.gpu_weights_gib) minimum_ = std::max<Bytes>(0, size_ - scaled(kGiB, *e.gpu_weights_gib));
  }

  // load_models_gpu. `least`: memory to keep free when it does not all fit.
  void load(const std::vector<std::size_t>& group, Bytes required, Bytes least) {
    const EngineChoice& e = p_.request.engine;
    const Bytes extra = std::max(minimum_, add(required, reserve_));
    least = forge_ ? minimum_ : std::max(minimum_, add(least, reserve_));
    Bytes missing = 0;
    for (const std::size_t i : group) missing += p_.weights[i].bytes - loaded_[i];
    make_room(add(scaled(missing, forge_ ? 1.3 : 1.1), extra), group);
    for (const std::size_t i : group) {
      const Bytes all = p_.weights[i].bytes;
      Bytes most = all;
      const Bytes spare = free() + loaded_[i] - least;
      if (e.vram_mode == VramMode::none) {
        most = 0;
      } else if (e.vram_mode != VramMode::high && spare < all) {
        // Forge keeps a quarter of the rest, up to 1.25 GiB, for what it copies.
        most = forge_ ? std::max<Bytes>({0, scaled(spare, 1 / 1.3), spare - scaled(kGiB, 1.25)})
                      : std::max<Bytes>(128 * kMiB, spare);
      }
      loaded_[i] = std::max(std::min(loaded_[i], all), std::min(most, all));
      touch(i);
    }
  }

  Bytes free() const {
    Bytes used = add(p_.outside, p_.companions);
    for (const Bytes bytes : loaded_) used = add(used, bytes);
    return size_ - used;
  }

  // What lies where while component `i` runs.
  std::vector<Held> held(std::size_t running, Bytes extra_weights) const {
    std::vector<Held> result;
    for (std::size_t i = 0; i < loaded_.size(); ++i) {
      const Weights& w = p_.weights[i];
      Held h;
      if (w.part != Part::safety_checker) {
        h.gpu = loaded_[i];
        h.host = w.bytes - loaded_[i];
      }
      if (i == running) {
        h.gpu = add(h.gpu, extra_weights);
        const Bytes copy = mul(w.count.largest_leaf, size_of(w.dtype));
        h.gpu = add(h.gpu, std::max(w.copy, loaded_[i] < w.bytes ? copy : 0));
      }
      result.push_back(h);
    }
    return result;
  }

 private:
  void touch(std::size_t i) {
    recent_.erase(std::remove(recent_.begin(), recent_.end(), i), recent_.end());
    recent_.push_back(i);
  }

  // free_memory: ComfyUI takes the smallest first and of each only what is missing, Forge the oldest, whole.
  void make_room(Bytes wanted, const std::vector<std::size_t>& keep) {
    std::vector<std::size_t> order = recent_;
    if (!forge_)
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return p_.weights[a].bytes < p_.weights[b].bytes; });
    const bool all = forge_ ? p_.request.engine.vram_mode == VramMode::none : !p_.request.engine.smart_memory;
    for (const std::size_t i : order) {
      if (std::find(keep.begin(), keep.end(), i) != keep.end()) continue;
      const Bytes short_of = wanted - free();
      if (!all && short_of <= 0) break;
      // --highvram: a denoiser's place to go is the GPU itself.
      if (p_.request.engine.vram_mode == VramMode::high && p_.weights[i].part == Part::denoiser) continue;
      loaded_[i] = forge_ || all ? 0 : std::max<Bytes>(0, loaded_[i] - short_of);
    }
  }

  const Planner& p_;
  bool forge_;
  std::vector<Bytes> loaded_;
  std::vector<std::size_t> recent_;  // the latest last
  Bytes size_ = 0, reserve_ = 0, minimum_ = 0;
};

// model_base.py memory_required with a fused kernel; Forge: KModel.memory_required.
Bytes reckoned(const Planner& p, std::size_t i, Size batch, bool forge) {
  const Latents& l = p.latents;
  const double area = static_cast<double>(product({batch, l.frames, l.height, l.width}));
  const double each = static_cast<double>(size_of(p.weights[i].dtype));
  if (forge) return scaled(16384, 1.28 * area * each);
  const double factor = usage_factor(p.request.pipeline.components[i]);
  return scaled(kMiB, area * each * 0.01 * (factor > 0 ? factor : 2));
}

// sd.py and patcher/vae.py memory_used_decode and memory_used_encode, of one picture or clip.
Bytes codec_reckoned(const Planner& p, std::size_t i, DType dtype, bool decodes) {
  const Latents& l = p.latents;
  const bool wan = p.request.pipeline.components[i].class_name == "AutoencoderKLWan" ||
                   p.request.pipeline.components[i].class_name == "AutoencoderKLQwenImage";
  const Size per_pixel =
      wan ? (decodes ? (l.frames <= 4 ? 2200 : 7000) : (l.frames <= 4 ? 1500 : 6000)) : (decodes ? 2178 : 1767);
  return product({per_pixel, mul(l.height, 8), mul(l.width, 8), size_of(dtype)});
}

void decode(const Planner& p, Card& card, Run& run, bool forge) {
  const std::size_t i = run.component;
  CodecInput in = p.passes.whole(i);
  const Bytes one = codec_reckoned(p, i, in.dtype, true);
  if (p.request.engine.vae_on_cpu) {
    run.pass = {{}, 0, "on the CPU"};
    run.held = card.held(p.weights.size(), 0);
    return;
  }
  card.load({i}, one, one);
  in.batch = std::clamp<Size>(card.free() / std::max<Bytes>(1, one), 1, p.request.batch);
  in.slicing = false;
  const bool asked = in.tiling;
  in.tiling = false;
  const auto tiled = [&] {
    // Tiles of 64 x 64 latent pixels, for video of 256 x 256 pixels; what is ready goes to RAM.
    const Size side = p.latents.frames > 1 ? 32 : 64;
    CodecInput tile = in;
    tile.batch = 1;
    tile.latent_height = std::min(side, in.latent_height);
    tile.latent_width = std::min(side, in.latent_width);
    tile.height = in.height / std::max<Size>(1, in.latent_height) * tile.latent_height;
    tile.width = in.width / std::max<Size>(1, in.latent_width) * tile.latent_width;
    return p.passes.decode(i, tile);
  };
  run.pass = asked ? tiled() : p.passes.decode(i, in);
  run.held = card.held(i, 0);
  if (!asked && run.pass.live.expected > card.free()) {
    run.pass = tiled();
    run.what = "decode, in tiles";
    p.warnings.push_back(std::string(forge ? "Forge" : "ComfyUI") +
                         " runs out of memory while decoding at once and then decodes in tiles");
  }
}

void denoise(const Planner& p, Card& card, Run& run, bool forge) {
  const std::size_t i = run.component;
  const Size batch = p.request.batch, both = mul(batch, 2);
  const bool guided = p.request.guidance != Guidance::none;
  card.load({i}, reckoned(p, i, both, forge), reckoned(p, i, batch, forge));
  // calc_cond_batch: both halves of the guidance at once where its own reckoning allows it.
  const bool at_once =
      guided && static_cast<double>(reckoned(p, i, both, forge)) * (forge ? 1 : 1.5) < static_cast<double>(card.free());
  run.pass = p.passes.denoise(i, at_once ? both : batch);
  run.held = card.held(i, 0);
}

}  // namespace

Plan plan_comfyui(const Planner& p) {
  Plan plan;
  const bool forge = p.request.engine.engine == DiffusionEngine::forge;
  plan.companions_stay = true;
  plan.empties_cache = true;  // soft_empty_cache after unloading
  Card card(p);
  const bool text_on_cpu = p.request.engine.vram_mode == VramMode::low || p.request.engine.vram_mode == VramMode::none;
  std::vector<std::size_t> encoders;
  for (std::size_t i = 0; i < p.weights.size(); ++i) {
    if (p.weights[i].part == Part::text_encoder) encoders.push_back(i);
  }
  if (!text_on_cpu && !encoders.empty()) card.load(encoders, 0, 0);
  plan.runs = usual_runs(p);
  for (Run& run : plan.runs) {
    const std::size_t i = run.component;
    run.extra_weights = 0;  // it computes in BF16 where the card can, in FP32 elsewhere: nothing is upcast
    if (run.stage == Stage::text_encode && text_on_cpu) {
      run.pass = {{}, 0, "on the CPU"};
      run.held = card.held(p.weights.size(), 0);
    } else if (run.stage == Stage::vae_decode) {
      decode(p, card, run, forge);
    } else if (run.stage == Stage::denoise) {
      denoise(p, card, run, forge);
    } else {
      if (run.stage == Stage::image_encode) {
        const Bytes one = codec_reckoned(p, i, p.weights[i].dtype, false);
        card.load({i}, one, one);
      }
      run.held = card.held(i, 0);
    }
    if (run.stage == Stage::denoise && !forge && usage_factor(p.request.pipeline.components[i]) == 0)
      p.warnings.push_back("how much memory ComfyUI reckons with for " + p.request.pipeline.components[i].class_name +
                           " is not known here: the factor 2 of its base class is taken");
  }
  p.warnings.push_back(std::string(forge ? "Forge" : "ComfyUI") +
                       " has model code of its own: its activations are taken to be those of diffusers', and their "
                       "interval is wider");
  return plan;
}

}  // namespace vram::diffusion
