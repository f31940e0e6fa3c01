// The ledger of a pipeline.
#include <algorithm>
#include <cmath>

#include "diffusion/parts.hpp"

namespace vram {
namespace diffusion {
namespace {

constexpr std::string_view kDiffusers = "diffusers 0.36.0.dev0 (commit 58eb52c0803e)";

constexpr Stage kOrder[] = {Stage::text_encode, Stage::image_encode, Stage::denoise, Stage::vae_decode};

// cuBLAS takes its workspace from the caching allocator: aten/src/ATen/cuda/CublasHandlePool.cpp (v2.8.0).
Bytes cublas_workspace(const PipelineRequest& request) {
  if (request.has_gpu && !request.machine.gpu.vendor.empty() && request.machine.gpu.vendor != "nvidia") return 0;
  const bool hopper = request.has_gpu && request.machine.gpu.compute_capability.substr(0, 2) == "9.";
  return hopper ? 4096 * 8 * kKiB : 4096 * 2 * kKiB + 16 * 8 * kKiB;
}

Interval wider(Bytes expected, double low, double high) {
  const auto x = static_cast<double>(expected);
  return {static_cast<Bytes>(std::llround(x * low)), expected, static_cast<Bytes>(std::llround(x * high))};
}

// What runs beside the denoiser, in bytes of weights: LoRAs that are not fused, ControlNets, adapters.
struct Beside {
  Bytes loras = 0;
  Size span = 0;
  Bytes companions = 0;
};
Beside beside_of(const PipelineRequest& request, const std::vector<Weights>& weights,
                 std::vector<std::string>& warnings) {
  Beside beside;
  Bytes each = 2;
  Size encoder = 0;  // of a UNet: all but its upper half, which is what a ControlNet copies
  for (const Weights& w : weights) {
    if (w.part != Part::denoiser) continue;
    beside.span = add(beside.span, w.count.linear_span);
    each = size_of(w.dtype);
    encoder = w.count.parameters;
    bool halves = false;
    for (const WeightCount::Stack& stack : w.count.stacks) {
      if (stack.name != "up_blocks") continue;
      encoder -= stack.parameters;
      halves = true;
    }
    if (!halves) encoder = w.count.parameters / 8;  // transformers: a few copied blocks
  }
  if (request.lora.count > 0 && !request.lora.fused)
    beside.loras = product({request.lora.count, request.lora.rank, beside.span, each});
  for (const Companion& companion : request.companions) {
    constexpr Size kAdapter = 79'000'000, kIpAdapter = 22'000'000 + 632'076'800, kUpscaler = 16'700'000;
    const Size parameters[] = {encoder, kAdapter, kIpAdapter, kUpscaler};
    beside.companions =
        add(beside.companions, product({companion.count, parameters[static_cast<std::size_t>(companion.kind)], each}));
  }
  if (!request.companions.empty())
    warnings.push_back("of companions the weights are counted, by their usual sizes; not what they compute");
  return beside;
}

struct Moment {
  Run run;
  std::vector<Held> held;
  bool beside = false;  // LoRAs and companions are on the GPU
  Bytes weights = 0;    // on the GPU
  Bytes cached = 0;     // held by the allocator, beyond what is live
  Bytes total() const { return add(add(weights, run.live.expected), cached); }
};

// The allocator keeps what earlier stages took, unless the cache is emptied in between, as offload hooks do.
std::vector<Moment> moments(const PipelineRequest& request, const std::vector<Weights>& weights,
                            std::vector<Run> all_runs, Bytes beside) {
  std::vector<Moment> result;
  const bool stays = request.techniques.offload == Offload::none && !request.engine.managed;
  const bool emptied = !request.keeps_cache || request.techniques.offload == Offload::model ||
                       request.engine.engine == DiffusionEngine::diffsynth;
  Bytes taken = 0;
  for (Run& run : all_runs) {
    Moment m;
    m.held = residence(request, weights, run);
    for (const Held& held : m.held) m.weights = add(m.weights, held.gpu);
    m.beside = stays || run.stage == Stage::denoise;
    if (m.beside) m.weights = add(m.weights, beside);
    taken = emptied ? run.reserved : std::max(taken, run.reserved);
    m.cached = std::max<Bytes>(0, taken - run.live.expected);
    m.run = std::move(run);
    // Weights are exact, what lies beside them is not: buffers, copies of the pipeline, blocks rounded up.
    m.run.live.low = std::max<Bytes>(0, m.run.live.low - m.weights / 50);
    m.run.live.high = add(m.run.live.high, m.weights / 50);
    result.push_back(std::move(m));
  }
  return result;
}

}  // namespace

std::string_view name_of(Guidance guidance) {
  constexpr std::string_view kNames[] = {"none", "doubled", "sequential"};
  return kNames[static_cast<std::size_t>(guidance)];
}

std::string_view name_of(AttentionKernel kernel) {
  constexpr std::string_view kNames[] = {"sdpa", "flash", "xformers", "eager"};
  return kNames[static_cast<std::size_t>(kernel)];
}

std::string_view name_of(DiffusionEngine engine) {
  constexpr std::string_view kNames[] = {"diffusers", "diffsynth", "comfyui", "a1111", "forge", "stable-diffusion.cpp"};
  return kNames[static_cast<std::size_t>(engine)];
}

std::string_view checked_against(DiffusionEngine engine) {
  switch (engine) {
    case DiffusionEngine::diffusers: return kDiffusers;
    case DiffusionEngine::diffsynth: return "DiffSynth-Studio 2.0";
    default: return "";
  }
}

namespace {

DiffusionEstimate estimate_checked(const PipelineRequest& request) {
  DiffusionEstimate result;
  const std::vector<Weights> weights = weigh(request);
  const std::vector<Component>& components = request.pipeline.components;
  result.latents = latents_of(request, weights);
  const Beside beside = beside_of(request, weights, result.warnings);
  const std::vector<Moment> all = moments(request, weights, runs(request, weights, result.latents, result.warnings),
                                          add(beside.loras, beside.companions));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Weights& w = weights[i];
    ComponentFacts facts;
    facts.role = components[i].role;
    facts.class_name = components[i].class_name;
    facts.parameters = w.count.parameters;
    facts.linear = w.count.linear;
    facts.counted = w.counted;
    facts.bytes = w.bytes;
    facts.full_bytes = w.plain_bytes;
    facts.dtype = name_of(w.dtype);
    if (w.quantization != nullptr) facts.quantization = w.quantization->id;
    result.components.push_back(facts);
  }

  // What every process pays.
  const OverheadProfile& profile = request.profile;
  const Bytes workspace = cublas_workspace(request);
  const Interval display{profile.display_reserve_low, profile.display_reserve, profile.display_reserve_high};
  const Interval context{profile.runtime_context_low, profile.runtime_context, profile.runtime_context_high};
  const Interval framework{profile.framework_low, profile.framework, profile.framework_high};

  // The fullest run of each stage speaks for it.
  const Moment* heaviest[kStageCount] = {};
  for (const Moment& m : all) {
    const Moment*& best = heaviest[static_cast<std::size_t>(m.run.stage)];
    if (best == nullptr || m.total() > best->total()) best = &m;
  }
  Stages present;
  for (const Stage stage : kOrder) {
    if (heaviest[static_cast<std::size_t>(stage)] != nullptr) present = present | Stages(stage);
  }
  std::vector<Entry>& entries = result.ledger.entries;
  if (display.high > 0) {
    entries.push_back({Kind::reserved,
                       "Display and other programs",
                       gpu(),
                       present,
                       display,
                       "display_reserve",
                       {{"display_reserve", static_cast<double>(display.expected)}},
                       profile.source});
  }
  if (context.high > 0) {
    entries.push_back({Kind::runtime_context,
                       "Driver context and kernels",
                       gpu(),
                       present,
                       context,
                       "runtime_context",
                       {{"runtime_context", static_cast<double>(context.expected)}},
                       profile.source});
  }
  if (framework.high > 0) {
    entries.push_back({Kind::framework,
                       "Framework: libraries and their workspaces",
                       gpu(),
                       present,
                       framework,
                       "framework",
                       {{"framework", static_cast<double>(framework.expected)}},
                       profile.source});
  }
  if (workspace > 0) {
    entries.push_back({Kind::framework,
                       "cuBLAS workspace",
                       gpu(),
                       present,
                       Interval::exact(workspace),
                       "workspace",
                       {{"workspace", static_cast<double>(workspace)}},
                       "PyTorch v2.8.0, aten/src/ATen/cuda/CublasHandlePool.cpp"});
  }
  // Weights: one entry a component and amount, alive in the stages that hold this amount.
  for (std::size_t i = 0; i < weights.size(); ++i) {
    for (const Device device : {gpu(), kHost, kDisk}) {
      std::vector<std::pair<Bytes, Stages>> amounts;
      for (const Stage stage : kOrder) {
        const Moment* m = heaviest[static_cast<std::size_t>(stage)];
        if (m == nullptr) continue;
        const Held& held = m->held[i];
        const Bytes bytes = device.type == Device::Type::gpu    ? held.gpu
                            : device.type == Device::Type::host ? held.host
                                                                : held.disk;
        if (bytes == 0) continue;
        const auto same = std::find_if(amounts.begin(), amounts.end(), [&](const auto& a) { return a.first == bytes; });
        if (same != amounts.end()) {
          same->second = same->second | Stages(stage);
        } else {
          amounts.emplace_back(bytes, Stages(stage));
        }
      }
      for (const auto& [bytes, stages] : amounts) {
        Entry entry;
        entry.kind = Kind::weights;
        entry.label = components[i].role;
        entry.device = device;
        entry.stages = stages;
        entry.bytes = Interval::exact(bytes);
        const bool whole = bytes == weights[i].bytes;
        entry.formula = !whole ? "part of the weights that is held meanwhile"
                        : weights[i].quantization != nullptr
                            ? "linear * bytes_per_weight + (parameters - linear) * bytes"
                            : "parameters * bytes + kept_in_fp32 * 2 + buffers * bytes";
        entry.values = {{"parameters", static_cast<double>(weights[i].count.parameters)},
                        {"bytes", static_cast<double>(size_of(weights[i].dtype))}};
        if (weights[i].quantization != nullptr) {
          entry.values.push_back({"linear", static_cast<double>(weights[i].count.linear)});
          entry.values.push_back({"bytes_per_weight", weights[i].quantization->bytes_per_weight});
        } else if (weights[i].count.kept_f32 > 0 && weights[i].dtype == DType::f16) {
          entry.values.push_back({"kept_in_fp32", static_cast<double>(weights[i].count.kept_f32)});
        }
        entry.source = weights[i].counted ? std::string_view("counted from the config by the class's forward pass")
                                          : std::string_view(components[i].source);
        entries.push_back(std::move(entry));
      }
    }
  }
  Stages with;
  for (const Stage stage : kOrder) {
    const Moment* m = heaviest[static_cast<std::size_t>(stage)];
    if (m != nullptr && m->beside) with = with | Stages(stage);
  }
  if (beside.loras > 0) {
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
  }
  if (beside.companions > 0) {
    entries.push_back({Kind::weights,
                       "Companions",
                       gpu(),
                       with,
                       wider(beside.companions, 0.5, 1.5),
                       "sum of their usual sizes",
                       {},
                       "published sizes of ControlNets, adapters and upscalers"});
  }
  for (const Stage stage : kOrder) {
    const Moment* m = heaviest[static_cast<std::size_t>(stage)];
    if (m == nullptr) continue;
    constexpr auto label = [](Stage s) -> std::string_view {
      switch (s) {
        case Stage::text_encode: return "Activations, text encoder";
        case Stage::image_encode: return "Activations, encoding of input pictures";
        case Stage::denoise: return "Activations, denoising step";
        default: return "Activations, decoding";
      }
    };
    entries.push_back({Kind::activations,
                       label(stage),
                       gpu(),
                       Stages(stage),
                       m->run.live,
                       "largest sum of live tensors in a forward pass on shapes",
                       {{"height", static_cast<double>(request.height)},
                        {"width", static_cast<double>(request.width)},
                        {"frames", static_cast<double>(request.frames)},
                        {"batch", static_cast<double>(request.batch)}},
                       checked_against(DiffusionEngine::diffusers)});
    if (m->cached > 0) {
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

  const Interval outside = display + context + framework;
  for (const Moment& m : all) {
    Step step;
    step.stage = m.run.stage;
    step.component = components[m.run.component].role;
    step.what = m.run.what;
    step.activations = m.run.live;
    step.fullest = m.run.fullest;
    step.allocated = Interval::exact(add(m.weights, workspace)) + m.run.live;
    step.reserved = step.allocated + wider(m.cached, 0.3, 2);
    step.shown = step.reserved + outside;
    for (const Held& held : m.held) {
      step.host = add(step.host, held.host);
      step.disk = add(step.disk, held.disk);
    }
    const auto raise = [](Interval& peak, Interval here) {
      peak = {std::max(peak.low, here.low), std::max(peak.expected, here.expected), std::max(peak.high, here.high)};
    };
    raise(result.allocated, step.allocated);
    raise(result.reserved, step.reserved);
    raise(result.shown, step.shown);
    result.steps.push_back(step);
  }
  return result;
}

// Sizes and counts that a forward pass divides by or loops over.
std::optional<Error> check_config(const Component& component, std::size_t at) {
  for (const Setting& setting : component.config.all()) {
    const std::string_view key = setting.key;
    const auto ends = [&](std::string_view end) {
      return key.size() >= end.size() && key.substr(key.size() - end.size()) == end;
    };
    const bool count = ends("layers") || ends("blocks") || ends("per_block");
    const bool size = ends("channels") || ends("dim") || ends("dims") || ends("size") || ends("heads") ||
                      ends("d_model") || ends("d_ff") || ends("d_kv") || ends("ratio");
    if (!count && !size) continue;
    for (const double number : setting.numbers) {
      const double low = count ? 0 : 1e-3, high = count ? 4096 : 1e6;
      if (number >= low && number <= high) continue;
      return Error{"/pipeline/components/" + std::to_string(at) + "/config/" + setting.key,
                   setting.key + " is out of range", std::to_string(std::llround(number)),
                   count ? "0 to 4096" : "1 to 1000000"};
    }
  }
  return std::nullopt;
}

}  // namespace
}  // namespace diffusion

Result<diffusion::DiffusionEstimate> estimate(const diffusion::PipelineRequest& request) {
  for (std::size_t i = 0; i < request.pipeline.components.size(); ++i) {
    const diffusion::Component& component = request.pipeline.components[i];
    if (component.parameters == 0 && diffusion::find_class(component.class_name) == nullptr) {
      return Error{"/pipeline/components/" + std::to_string(i) + "/class",
                   "the class " + component.class_name + " is not known here: its parameters cannot be counted",
                   component.class_name, "a known class, or its number of parameters"};
    }
    if (auto error = diffusion::check_config(request.pipeline.components[i], i)) return *error;
  }
  try {
    return diffusion::estimate_checked(request);
  } catch (const diffusion::BadConfig& bad) {
    return Error{"/pipeline", "a component's config describes no model: " + bad.message, "", ""};
  }
}

}  // namespace vram
