// How many bytes the components take.
#include <algorithm>
#include <map>

#include "diffusion/parts.hpp"

namespace vram::diffusion {
namespace {

// A forward pass on the smallest input there is goes through every weight.
WeightCount count_weights(const ModelClass& known, const Settings& config, const Techniques& techniques) {
  Trace::Rules rules;
  rules.fused_qkv = techniques.fuse_qkv && known.part == Part::denoiser;
  Trace trace(rules);
  if (known.denoise != nullptr) {
    DenoiseInput in;
    in.latent_height = in.latent_width = 16;
    in.latent_frames = 4;
    in.height = in.width = 128;
    in.frames = 5;
    in.text_tokens = 8;
    known.denoise(trace, config, in);
  }
  if (known.decode != nullptr) {
    const Compression c = known.compression(config);
    CodecInput in;
    in.latent_channels = c.channels;
    in.latent_height = in.latent_width = 4;
    in.latent_frames = c.time > 1 ? 2 : 1;
    in.height = in.width = 4 * c.space;
    in.frames = c.time > 1 ? c.time + 1 : 1;
    known.decode(trace, config, in);
    known.encode(trace, config, in);
  }
  if (known.text != nullptr) {
    TextInput in;
    in.tokens = 8;
    known.text(trace, config, in);
  }
  return trace.weights();
}

struct Counts {
  std::map<std::pair<std::size_t, bool>, WeightCount> known;  // by component and fused projections
};

const WeightCount& counted(EstimateMemo& memo, std::size_t i, const ModelClass& known, const Settings& config,
                           const Techniques& techniques) {
  auto& counts = memo.part<Counts>().known;
  const auto key = std::pair(i, techniques.fuse_qkv);
  const auto found = counts.find(key);
  if (found != counts.end()) return found->second;
  return counts.emplace(key, count_weights(known, config, techniques)).first->second;
}

// transformers keeps T5's second feed-forward matrix in FP32; engines with model code of their own do not.
bool keeps_f32(const PipelineRequest& request) { return request.engine.engine == DiffusionEngine::diffusers; }

// stable-diffusion.cpp (commit 97d2990807fe), src/core/ggml_extend.hpp Conv2d and Linear, src/model_loader.cpp
// tensor_should_be_converted: kernels in FP16, matrices in the type asked for, norms and biases in FP32, embeddings as
// they are in the file.
Bytes ggml_bytes(const Weights& w, double linear_each) {
  const Size rest = w.count.parameters - w.count.linear - w.count.convolution;
  const Bytes rest_each = w.part == Part::text_encoder ? size_of(w.dtype) : 4;
  return add(add(scaled(w.count.linear, linear_each), mul(w.count.convolution, 2)), mul(rest, rest_each));
}

}  // namespace

Bytes plain_bytes(const WeightCount& count, DType dtype) {
  const Bytes each = size_of(dtype);
  Bytes bytes = add(mul(count.parameters, each), mul(count.buffers, each));
  if (dtype == DType::f16) bytes = add(bytes, mul(count.kept_f32, 2));
  return bytes;
}

std::vector<Weights> weigh(const PipelineRequest& request, EstimateMemo& memo) {
  std::vector<Weights> result;
  for (std::size_t i = 0; i < request.pipeline.components.size(); ++i) {
    const Component& component = request.pipeline.components[i];
    const ComponentChoice& choice = request.choices[i];
    Weights w;
    w.part = part_of(component);
    w.known = find_class(component.class_name);
    w.dtype = choice.dtype.value_or(component.dtype);
    w.quantization = choice.quantization;
    if (w.known != nullptr) {
      w.count = counted(memo, i, *w.known, component.config, request.techniques);
      if (!keeps_f32(request)) w.count.kept_f32 = 0;
      w.counted = true;
    }
    // A published count holds more than what a forward pass of ours goes through (vision towers, unused heads).
    if (!w.counted || component.parameters > w.count.parameters) {
      const Size beyond = component.parameters - w.count.parameters;
      w.counted = w.counted && beyond <= 0;
      w.count.parameters = component.parameters;
      w.count.linear += w.known == nullptr ? component.parameters - component.parameters / 16 : beyond;
      w.count.largest_leaf = std::max(w.count.largest_leaf, std::min(component.parameters, Size{1} << 27));
    }
    const double each = static_cast<double>(size_of(w.dtype));
    w.plain_bytes = plain_bytes(w.count, w.dtype);
    w.bytes = w.plain_bytes;
    double factor = 1;
    Size small = 0;  // linear weights in fewer bytes
    double small_each = each;
    if (w.quantization != nullptr) {
      small = w.count.linear;
      small_each = w.quantization->bytes_per_weight;
      // bitsandbytes leaves the matrices that are kept in FP32 as they are.
      if (w.quantization->id.substr(0, 3) == "bnb") small -= w.count.kept_f32;
    } else if (request.techniques.layerwise_casting && w.part == Part::denoiser) {
      small = w.count.linear - w.count.linear_in_norm;
      small_each = 1;
    }
    if (small > 0) {
      w.bytes = add(w.plain_bytes, -scaled(small, each)) + scaled(small, small_each);
      if (w.quantization != nullptr && w.quantization->id.substr(0, 3) != "bnb" && w.dtype == DType::f16)
        w.bytes -= mul(w.count.kept_f32, 2);
      factor = static_cast<double>(w.bytes) / static_cast<double>(std::max<Bytes>(1, w.plain_bytes));
      w.copy = mul(w.count.largest_leaf, size_of(w.dtype));
      if (w.quantization != nullptr) w.copy = scaled(w.copy, w.quantization->dequantized_copies);
    }
    if (request.engine.engine == DiffusionEngine::stable_diffusion_cpp) {
      w.bytes = w.plain_bytes = ggml_bytes(w, small_each);
      factor = 1;
      w.copy = 0;
    }
    w.buffers = mul(w.count.buffers, size_of(w.dtype));
    w.largest_leaf = scaled(w.count.largest_leaf, each * factor);
    Size in_stacks = 0, largest = 0;
    for (const WeightCount::Stack& stack : w.count.stacks) {
      in_stacks += stack.parameters;
      largest = std::max(largest, stack.largest);
    }
    w.largest_block = scaled(largest, each * factor);
    w.outside_stacks = std::max<Bytes>(0, w.bytes - scaled(in_stacks, each * factor));
    result.push_back(std::move(w));
  }
  return result;
}

}  // namespace vram::diffusion
