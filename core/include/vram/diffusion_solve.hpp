// Inverse problems of diffusion pipelines, by exact search over the same estimate().
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "vram/diffusion.hpp"
#include "vram/llm.hpp"
#include "vram/solve.hpp"

namespace vram::diffusion {

// What no longer fits one step further on.
struct Blocked {
  Stage stage = Stage::denoise;
  Kind kind = Kind::weights;
  std::string label;
};

struct Reach {
  std::int64_t value = 0;              // 0: not even the smallest fits
  std::int64_t height = 0, width = 0;  // resolutions only
  bool bounded_by_limit = false;
  std::int64_t limit = 0;
  Blocked blocked_by;  // when bounded by memory
};

inline constexpr std::int64_t kSideLimit = 16384;
inline constexpr std::int64_t kFramesLimit = 4096;
inline constexpr std::int64_t kImagesLimit = 1024;
inline constexpr std::int64_t kLorasLimit = 1024;

// All of them need request.has_gpu. A memo is used for requests of one pipeline only.
Reach max_square(PipelineRequest request, EstimateMemo& memo);
// Largest picture with the sides in this proportion, as near as the multiples of the model allow.
Reach max_at_aspect(PipelineRequest request, std::int64_t across, std::int64_t down, EstimateMemo& memo);
Reach max_frames(PipelineRequest request, EstimateMemo& memo);
Reach max_images(PipelineRequest request, EstimateMemo& memo);  // batch
Reach max_loras(PipelineRequest request, EstimateMemo& memo);

// A way to take less memory or time, and what it costs in time.
struct Measure {
  std::string_view id;                     // "vae_tiling"
  std::string_view name;                   // "VAE tiling"
  std::string_view family;                 // measures of one family replace each other: "offload"; empty: none
  double slower_low = 0, slower_high = 0;  // share of the time per picture: 0.1 is 10 % slower; negative: faster
  bool timed = false;                      // the range is that of published timings; false: our own
  std::string_view source;
  bool (*applies)(const PipelineRequest&) = nullptr;  // it is there with this engine and this pipeline
  bool (*active)(const PipelineRequest&) = nullptr;
  void (*set)(PipelineRequest&, bool on) = nullptr;
  bool searched = true;  // weakest() tries it; false: another format of weights, which is the caller's choice
};
// In order of what they cost. Those of other engines than the request's do not apply.
const std::vector<Measure>& measures();

struct Effect {
  const Measure* measure = nullptr;
  bool active = false;  // the request has it already: `saves` is what leaving it away would take
  Interval shown;       // nvidia-smi peak with it (without it, when active)
  Bytes saves = 0;
  bool fits = false;
};
// What each measure that applies would change, one by one.
std::vector<Effect> effects(const PipelineRequest& request, EstimateMemo& memo);

// The presets NONE, BALANCED, AGGRESSIVE, ULTRA, ULTRA + CPU.
struct Level {
  std::string_view id, name;
  double memory_below_gib = 0;  // chosen by itself below this much memory; 0: the last one
  std::string_view source;
};
const std::vector<Level>& levels();
void apply_level(PipelineRequest& request, std::string_view id);
std::string_view level_for(Bytes memory);

struct LevelOutcome {
  const Level* level = nullptr;
  Interval allocated, shown;
  Bytes host = 0;
  double slower_low = 0, slower_high = 0;  // of its measures, one after the other
  bool fits = false;
};
std::vector<LevelOutcome> level_outcomes(const PipelineRequest& request, EstimateMemo& memo);

// The measures to switch on beside those of the request, the cheapest in time first, until it fits.
struct Weakest {
  bool found = false;
  std::vector<const Measure*> measures;  // empty and found: it fits as it is
  double slower_low = 0, slower_high = 0;
  Interval shown;
  Blocked blocked_by;  // when nothing makes it fit: what is too large with all measures
};
Weakest weakest(const PipelineRequest& request, EstimateMemo& memo);

// DiffSynth's vram_limit with which the whole process stays on the card, in GiB; 0: only with all layers in RAM,
// negative: not even then.
double vram_limit(const PipelineRequest& request, EstimateMemo& memo);

struct SmallestGpu {
  bool found = false;
  Gpu gpu;
  Bytes headroom = 0;
};
SmallestGpu smallest_gpu(const PipelineRequest& request, const std::vector<Gpu>& candidates, const ProfileOf& profiles,
                         EstimateMemo& memo);

// What is too large on the request's GPU, and in which stage. Precondition: has_gpu.
Blocked blocked_by(const DiffusionEstimate& estimate, const Machine& machine);

}  // namespace vram::diffusion
