// The entries of a pipeline's ledger. The fullest run of each stage speaks for it.
#include <algorithm>

#include "diffusion/parts.hpp"

namespace vram::diffusion {
namespace {

constexpr Stage kOrder[] = {Stage::text_encode, Stage::image_encode, Stage::denoise, Stage::vae_decode};

struct Heaviest {
  const Moment* at[kStageCount] = {};
  const Moment* operator[](Stage stage) const { return at[static_cast<std::size_t>(stage)]; }
  template <class Truth>
  Stages where(Truth truth) const {
    Stages result;
    for (const Stage stage : kOrder) {
      const Moment* m = (*this)[stage];
      if (m != nullptr && truth(*m)) result = result | Stages(stage);
    }
    return result;
  }
};

Heaviest heaviest_of(const std::vector<Moment>& moments) {
  Heaviest heaviest;
  for (const Moment& m : moments) {
    const Moment*& best = heaviest.at[static_cast<std::size_t>(m.run.stage)];
    if (best == nullptr || m.total() > best->total()) best = &m;
  }
  return heaviest;
}

void process_entries(std::vector<Entry>& entries, const PipelineRequest& request, Stages present) {
  const OverheadProfile& profile = request.profile;
  const auto put = [&](Kind kind, std::string_view label, Interval bytes, std::string_view symbol,
                       std::string_view source) {
    if (bytes.high <= 0) return;
    entries.push_back(
        {kind, label, gpu(), present, bytes, symbol, {{symbol, static_cast<double>(bytes.expected)}}, source});
  };
  put(Kind::reserved, "Display and other programs",
      {profile.display_reserve_low, profile.display_reserve, profile.display_reserve_high}, "display_reserve",
      profile.source);
  put(Kind::runtime_context, "Driver context and kernels",
      {profile.runtime_context_low, profile.runtime_context, profile.runtime_context_high}, "runtime_context",
      profile.source);
  put(Kind::framework, "Framework: libraries and their workspaces",
      {profile.framework_low, profile.framework, profile.framework_high}, "framework", profile.source);
  put(Kind::framework, "cuBLAS workspace", Interval::exact(cublas_workspace(request)), "workspace",
      "PyTorch v2.8.0, aten/src/ATen/cuda/CublasHandlePool.cpp");
}

Entry weight_entry(const Component& component, const Weights& w, Device device, Bytes bytes, Stages stages) {
  Entry entry;
  entry.kind = Kind::weights;
  entry.label = component.role;
  entry.device = device;
  entry.stages = stages;
  entry.bytes = Interval::exact(bytes);
  entry.formula = bytes != w.bytes            ? "part of the weights that is held meanwhile"
                  : w.quantization != nullptr ? "linear * bytes_per_weight + (parameters - linear) * bytes"
                                              : "parameters * bytes + kept_in_fp32 * 2 + buffers * bytes";
  entry.values = {{"parameters", static_cast<double>(w.count.parameters)},
                  {"bytes", static_cast<double>(size_of(w.dtype))}};
  if (w.quantization != nullptr) {
    entry.values.push_back({"linear", static_cast<double>(w.count.linear)});
    entry.values.push_back({"bytes_per_weight", w.quantization->bytes_per_weight});
  } else if (w.count.kept_f32 > 0 && w.dtype == DType::f16) {
    entry.values.push_back({"kept_in_fp32", static_cast<double>(w.count.kept_f32)});
  }
  entry.source = w.counted ? std::string_view("counted from the config by the class's forward pass")
                           : std::string_view(component.source);
  return entry;
}

// One entry a component, device and amount, alive in the stages that hold this amount.
void weight_entries(std::vector<Entry>& entries, const PipelineRequest& request, const std::vector<Weights>& weights,
                    const Heaviest& heaviest) {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    for (const Device device : {gpu(), kHost, kDisk}) {
      std::vector<std::pair<Bytes, Stages>> amounts;
      for (const Stage stage : kOrder) {
        const Moment* m = heaviest[stage];
        if (m == nullptr) continue;
        const Held& held = m->run.held[i];
        const Bytes bytes = device == gpu() ? held.gpu : device == kHost ? held.host : held.disk;
        if (bytes == 0) continue;
        const auto same = std::find_if(amounts.begin(), amounts.end(), [&](const auto& a) { return a.first == bytes; });
        if (same != amounts.end()) {
          same->second = same->second | Stages(stage);
        } else {
          amounts.emplace_back(bytes, Stages(stage));
        }
      }
      for (const auto& [bytes, stages] : amounts)
        entries.push_back(weight_entry(request.pipeline.components[i], weights[i], device, bytes, stages));
    }
  }
}

// RAM beside the weights: what pinning rounds up, pages of files that are read layer by layer.
void host_entries(std::vector<Entry>& entries, const Heaviest& heaviest) {
  for (const Stage stage : kOrder) {
    const Moment* m = heaviest[stage];
    if (m == nullptr) continue;
    Bytes pinned = 0, mapped = 0;
    for (const Held& held : m->run.held) {
      pinned = add(pinned, held.pinned);
      mapped = std::max(mapped, held.mapped);
    }
    if (pinned > 0)
      entries.push_back(
          {Kind::fragmentation,
           "Page-locked memory, rounded up",
           kHost,
           Stages(stage),
           {0, pinned / 2, pinned},
           "blocks are rounded up to powers of two",
           {{"pinned", static_cast<double>(pinned)}},
           "PyTorch v2.8.0, aten/src/ATen/core/CachingHostAllocator.h; huggingface/diffusers#11106: 35.1 GB "
           "pinned for the 23.8 GB of FLUX.1's transformer"});
    if (mapped > 0)
      entries.push_back({Kind::output_buffer,
                         "Pages of files read layer by layer",
                         kHost,
                         Stages(stage),
                         {0, 0, mapped},
                         "parameters until files are opened anew * bytes",
                         {{"parameters", 1e9}},
                         "DiffSynth-Studio 2.0, diffsynth/core/vram/disk_map.py buffer_size"});
  }
}

std::string_view activation_label(Stage stage) {
  switch (stage) {
    case Stage::text_encode: return "Activations, text encoder";
    case Stage::image_encode: return "Activations, encoding of input pictures";
    case Stage::denoise: return "Activations, denoising step";
    default: return "Activations, decoding";
  }
}

void activation_entries(std::vector<Entry>& entries, const PipelineRequest& request, const Heaviest& heaviest) {
  const bool ggml = request.engine.engine == DiffusionEngine::stable_diffusion_cpp;
  for (const Stage stage : kOrder) {
    const Moment* m = heaviest[stage];
    if (m == nullptr) continue;
    entries.push_back(
        {ggml ? Kind::compute_buffer : Kind::activations,
         activation_label(stage),
         gpu(),
         Stages(stage),
         m->run.pass.live,
         ggml ? "ggml's graph allocator, replayed" : "largest sum of live tensors in a forward pass on shapes",
         {{"height", static_cast<double>(request.height)},
          {"width", static_cast<double>(request.width)},
          {"frames", static_cast<double>(request.frames)},
          {"batch", static_cast<double>(request.batch)}},
         checked_against(ggml ? request.engine.engine : DiffusionEngine::diffusers)});
    if (m->cached > 0)
      entries.push_back({Kind::fragmentation,
                         "Allocator: cached but unused",
                         gpu(),
                         Stages(stage),
                         wider(m->cached, 0.3, 2),
                         "reserved by the caching allocator - live",
                         {},
                         "PyTorch v2.8.0, c10/cuda/CUDACachingAllocator.cpp, replayed"});
  }
}

}  // namespace

std::vector<Entry> entries_of(const PipelineRequest& request, const std::vector<Weights>& weights, const Beside& beside,
                              const std::vector<Moment>& moments) {
  std::vector<Entry> entries;
  const Heaviest heaviest = heaviest_of(moments);
  process_entries(entries, request, heaviest.where([](const Moment&) { return true; }));
  weight_entries(entries, request, weights, heaviest);
  const Stages with = heaviest.where([](const Moment& m) { return m.beside; });
  if (beside.loras > 0)
    entries.push_back({Kind::weights,
                       "LoRAs",
                       gpu(),
                       with,
                       Interval::exact(beside.loras),
                       "loras * rank * sum of inputs and outputs of the denoiser's linear layers * bytes",
                       {{"loras", static_cast<double>(request.lora.count)},
                        {"rank", static_cast<double>(request.lora.rank)},
                        {"span", static_cast<double>(beside.span)}},
                       "a LoRA on every linear layer of the denoiser, as kohya-ss/sd-scripts trains them"});
  if (beside.companions > 0)
    entries.push_back({Kind::weights,
                       "Companions",
                       gpu(),
                       with,
                       wider(beside.companions, 0.5, 1.5),
                       "sum of their usual sizes",
                       {},
                       "published sizes of ControlNets, adapters and upscalers"});
  activation_entries(entries, request, heaviest);
  host_entries(entries, heaviest);
  return entries;
}

}  // namespace vram::diffusion
