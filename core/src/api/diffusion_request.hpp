// What op "diffusion" asks for, read and checked. Internal to api/.
#pragma once

#include "api/request.hpp"
#include "vram/diffusion.hpp"

namespace vram {

struct DiffusionAlso {
  bool max_resolution = false, max_frames = false, max_batch = false, max_loras = false;
  bool savings = false, levels = false, weakest = false, smallest_gpu = false, vram_limit = false, references = false;
};

struct DiffusionRequest {
  DiffusionRequest() = default;
  DiffusionRequest(const DiffusionRequest&) = delete;  // estimates point into this object
  DiffusionRequest& operator=(const DiffusionRequest&) = delete;

  diffusion::PipelineRequest pipeline;
  std::string level;                  // the preset that was asked for; empty: none was
  std::int64_t across = 1, down = 1;  // aspect ratio
  Profiles profiles;
  CallerRows rows;
  DiffusionAlso also;
  std::vector<Warning> warnings;
};

// Refuses (BadInput) what does not belong. `json` must outlive `request`.
void read_diffusion(const Json& json, DiffusionRequest& request);

// "pipeline": {"id": ...} or {"components": [...], ...}; one row of core/data/pipelines.json.
diffusion::Pipeline read_pipeline(const ObjectReader& reader);
diffusion::Pipeline read_pipeline_row(const Json& row, const std::string& path);
// "techniques" and "level".
void read_techniques(const ObjectReader& reader, DiffusionRequest& request);
// "engine" and its own options.
void read_diffusion_engine(const ObjectReader& reader, diffusion::PipelineRequest& request);
// "fp32", "fp16", "bf16", "fp8" and the names torch gives them.
diffusion::DType read_dtype(const ObjectReader& reader, std::string_view key);

}  // namespace vram
