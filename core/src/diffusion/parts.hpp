// The parts of an estimate: weights of components, passes of components, what is where meanwhile. Internal.
#pragma once

#include <string>
#include <vector>

#include "diffusion/registry.hpp"

namespace vram::diffusion {

// The weights of one component, as the request stores them.
struct Weights {
  Part part = Part::other;
  const ModelClass* known = nullptr;
  WeightCount count;
  bool counted = false;
  DType dtype = DType::f16;
  const Quantization* quantization = nullptr;
  Bytes bytes = 0;           // all of it
  Bytes plain_bytes = 0;     // without quantization
  Bytes largest_leaf = 0;    // the largest single module, as stored
  Bytes outside_stacks = 0;  // what no block stack holds
  Bytes largest_block = 0;
  Bytes buffers = 0;
  Bytes copy = 0;  // transient: the largest linear layer in the computing dtype
};
std::vector<Weights> weigh(const PipelineRequest& request, EstimateMemo& memo);
// Bytes of the component when every weight is stored in `dtype`.
Bytes plain_bytes(const WeightCount& count, DType dtype);
Bytes scaled(Bytes bytes, double factor);
Latents latents_of(const PipelineRequest& request, const std::vector<Weights>& weights);

// What one pass of one component takes besides weights.
struct Pass {
  Interval live;
  Bytes reserved = 0;  // what a caching allocator holds for it
  std::string_view fullest;
};

// Passes on shapes, each run once for its sizes and rules and then kept in the memo.
class Passes {
 public:
  Passes(const PipelineRequest& request, const std::vector<Weights>& weights, const Latents& latents,
         EstimateMemo& memo, std::vector<std::string>& warnings)
      : request_(request), weights_(weights), latents_(latents), memo_(memo), warnings_(warnings) {}
  Pass text(std::size_t component);
  Pass image(std::size_t component);
  Pass encode(std::size_t component);
  Pass denoise(std::size_t component, Size batch);
  Pass decode(std::size_t component, const CodecInput& input);
  // Compute buffers of stable-diffusion.cpp, which makes one picture at a time. `side`: of a tile in latent pixels, or
  // 0.
  Pass denoise_ggml(std::size_t component);
  Pass decode_ggml(std::size_t component, Size side);
  // The whole batch at the size of the request, in the component's own dtype.
  CodecInput whole(std::size_t component) const;

 private:
  Pass unknown(std::size_t component);
  const PipelineRequest& request_;
  const std::vector<Weights>& weights_;
  const Latents& latents_;
  EstimateMemo& memo_;
  std::vector<std::string>& warnings_;
};

// What of one component is on the GPU, in RAM and only on disk.
struct Held {
  Bytes gpu = 0, host = 0, disk = 0;
  Bytes pinned = 0;  // of `host`: page-locked, which rounds up
  Bytes mapped = 0;  // RAM that pages of a file may take beside, and give back
};

// One run of one component, and what is where meanwhile.
struct Run {
  Stage stage = Stage::denoise;
  std::size_t component = 0;
  std::string_view what;
  Pass pass;
  bool last_stays = false;  // with guidance the last text encoder is still there when the first run again
  Bytes extra_weights = 0;  // FP32 copy of an autoencoder that is upcast
  std::vector<Held> held;   // beside the components
};

// The runs of a pipeline in order, as each engine makes them.
struct Plan {
  std::vector<Run> runs;
  bool empties_cache = false;    // the allocator's cache is given back between runs
  bool companions_stay = false;  // LoRAs and companions are on the GPU all along; false: while denoising
};
struct Planner {
  const PipelineRequest& request;
  const std::vector<Weights>& weights;
  const Latents& latents;
  Passes& passes;
  Bytes outside = 0;     // taken before: display, context, libraries, workspaces
  Bytes companions = 0;  // LoRAs, ControlNets, ...
  std::vector<std::string>& warnings;
};
std::vector<Run> usual_runs(const Planner& planner);
Plan plan_diffusers(const Planner& planner);
Plan plan_diffsynth(const Planner& planner);
Plan plan_comfyui(const Planner& planner);  // and Forge
Plan plan_a1111(const Planner& planner);
Plan plan_stable_diffusion_cpp(const Planner& planner);

// LoRAs that are not fused, ControlNets, adapters: bytes of weights.
struct Beside {
  Bytes loras = 0;
  Size span = 0;
  Bytes companions = 0;
};
Beside beside_of(const PipelineRequest& request, const std::vector<Weights>& weights,
                 std::vector<std::string>& warnings);

// A run with what the allocator holds beyond what is live.
struct Moment {
  Run run;
  bool beside = false;  // LoRAs and companions are on the GPU
  Bytes weights = 0;    // on the GPU
  Bytes cached = 0;     // held by the allocator, beyond what is live
  Bytes total() const { return add(add(weights, run.pass.live.expected), cached); }
};
std::vector<Moment> moments(const PipelineRequest& request, Plan plan, Bytes beside);

// cuBLAS takes its workspace from the caching allocator.
Bytes cublas_workspace(const PipelineRequest& request);
Interval outside_of(const OverheadProfile& profile);
Interval wider(Bytes expected, double low, double high);
std::vector<Entry> entries_of(const PipelineRequest& request, const std::vector<Weights>& weights, const Beside& beside,
                              const std::vector<Moment>& moments);

}  // namespace vram::diffusion
