// What runs beside the denoiser, in bytes of weights: LoRAs that are not fused, ControlNets, adapters.
#include "diffusion/parts.hpp"

namespace vram::diffusion {

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

}  // namespace vram::diffusion
