// Hugging Face transformers generate(): weights, the cache objects, the prefill's activations.
// Checked against transformers 4.57: cache_utils.py, generation/utils.py; accelerate 1.10 utils/modeling.py. Measured
// against torch.cuda.max_memory_allocated of published runs: tests/accuracy, set transformers.
#include <algorithm>
#include <string>
#include <vector>

#include "llm/engines/engines.hpp"
#include "llm/engines/transformers_cache.hpp"
#include "llm/engines/transformers_placement.hpp"
#include "llm/engines/transformers_tape.hpp"
#include "llm/parts.hpp"

namespace vram {
namespace {

using Cache = TransformersOptions::CacheImplementation;
using Scheme = WeightFormat::Scheme;

constexpr std::string_view kCacheSource = "transformers 4.57 cache_utils.py";
constexpr std::string_view kStored = "sum over the checkpoint's tensors in this format";
constexpr std::string_view kHooks =
    "accelerate 1.10 hooks.py: AlignDevicesHook copies a module to the GPU while it runs";

double number(std::int64_t value) { return static_cast<double>(value); }

// GGUF files are unpacked while loading (modeling_gguf_pytorch_utils.py).
WeightFormat loaded_format(const LlmRequest& request) {
  if (request.weights.scheme != Scheme::gguf) return request.weights;
  return *find_weight_format(compute_bytes(*request.model) == 4 ? "fp32" : "bf16");
}

std::int64_t rows_of(const LlmRequest& request, const TransformersOptions& options) {
  return mul(request.sequences, std::max(options.num_beams, options.num_return_sequences));
}

// Low: every byte reused, no padding in the batch. High: a quarter of the peak lies unused between blocks.
Interval replayed(const Tape& tape) {
  const Bytes live = replay_live_bytes(tape).peak_bytes;
  const Bytes reserved = std::max(live, replay_torch_caching(tape).peak_bytes);
  return {live, reserved, add(reserved, reserved / 4)};
}

Interval larger(Interval a, Interval b) {
  return {std::max(a.low, b.low), std::max(a.expected, b.expected), std::max(a.high, b.high)};
}

Interval beyond(Interval a, Interval b) {
  const Interval i{std::max<Bytes>(0, a.low - b.low), std::max<Bytes>(0, a.expected - b.expected),
                   std::max<Bytes>(0, a.high - b.high)};
  return {std::min(i.low, i.expected), i.expected, std::max(i.expected, i.high)};
}

// What a quantized matrix needs beside its weights when many tokens pass it: the matrix in 16 bits
// (bitsandbytes autograd/_functions.py MatMul4Bit; AutoAWQ nn_modules/linear/gemm.py from 1024 tokens on; exllama's
// temp_dq for GPTQ), or the tokens in 8 bits (Linear8bitLt: inputs, and outputs in int32; fp8: inputs).
Interval unpacked(const Model& model, const WeightFormat& format, std::int64_t tokens) {
  std::int64_t matrix = 0, in = 0, out = 0;
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part != Part::text || tensor.layer < 0 || tensor.is_1d()) continue;
    matrix = std::max(matrix, mul(tensor.ne0, tensor.ne1));
    in = std::max(in, tensor.ne0);
    out = std::max(out, tensor.ne1);
  }
  const Bytes whole = mul(matrix, compute_bytes(model));
  switch (format.scheme) {
    case Scheme::bnb_nf4: return Interval::exact(whole);
    case Scheme::awq: return {0, whole, whole};
    case Scheme::gptq: return {0, whole, mul(whole, 2)};
    case Scheme::bnb_int8: return {0, mul(tokens, add(in, mul(out, 4))), mul(tokens, add(mul(in, 2), mul(out, 6)))};
    case Scheme::fp8_tensor:
    case Scheme::fp8_block: return {0, mul(tokens, in), add(mul(tokens, in), whole)};
    case Scheme::mxfp4:
    case Scheme::nvfp4: return {0, 0, whole};
    case Scheme::plain:
    case Scheme::gguf:
    case Scheme::exl:
    case Scheme::mlx: break;
  }
  return {};
}

Bytes rotary_tables(const Model& model) {
  Bytes sum = 0;
  for (const Layer& layer : model.layers) {
    if (layer.attention) {
      sum = add(sum, product({model.max_position_embeddings, layer.attention->head_dim, 2, compute_bytes(model)}));
    }
  }
  return sum;
}

// What torch.cuda.max_memory_allocated() and max_memory_reserved() would say of the fullest GPU: the low bound of the
// activations is what lives, the expected one what the allocator holds.
void add_figures(const LlmRequest& request, LlmEstimate& estimate) {
  // cuBLAS workspace, from the same allocator: pytorch v2.8 aten/src/ATen/cuda/CublasHandlePool.cpp.
  const std::string& capability = request.machine.gpu.compute_capability;
  const Bytes workspace = capability == "9.0" ? 32 * kMiB : 8 * kMiB + kMiB / 8;
  Bytes allocated = 0, reserved = 0;
  for (const Peak& peak : peaks(estimate.ledger)) {
    if (peak.device.type != Device::Type::gpu) continue;
    Bytes low[2] = {0, 0};
    for (const Entry& entry : estimate.ledger.entries) {
      if (!(entry.device == peak.device)) continue;
      const Bytes lives = entry.kind == Kind::weights ? entry.bytes.expected : entry.bytes.low;
      if (entry.stages.contains(Stage::prefill)) low[0] = add(low[0], lives);
      if (entry.stages.contains(Stage::decode)) low[1] = add(low[1], lives);
    }
    allocated = std::max(allocated, std::max(low[0], low[1]));
    reserved = std::max(reserved, peak.bytes.expected);
  }
  estimate.figures.push_back({"max_memory_allocated", number(add(allocated, workspace)), "bytes"});
  estimate.figures.push_back({"max_memory_reserved", number(add(reserved, workspace)), "bytes"});
}

void warn(const LlmRequest& request, Bytes tower, LlmEstimate& estimate) {
  const auto say = [&](std::string path, std::string text) {
    estimate.warnings.push_back({std::move(path), std::move(text)});
  };
  switch (request.weights.scheme) {
    case Scheme::gguf: say("/weights", "transformers unpacks GGUF files to 16 bits while loading; counted so"); break;
    case Scheme::exl:
      say("/weights", "transformers has no loader for EXL2 or EXL3; the engine exllamav2 or exllamav3 has");
      break;
    case Scheme::mxfp4:
      say("/weights",
          "MXFP4 stays packed with Triton kernels on compute capability 7.5 and up; else it is unpacked to 16 bits "
          "while loading, which is not counted");
      break;
    default: break;
  }
  if (tower > 0) say("/model", "activations of the vision or audio tower are not modelled");
}

std::optional<Error> refused(const LlmRequest& request, const TransformersOptions& o) {
  if (o.num_beams < 1) {
    return Error{"/engine/num_beams", "num_beams must be at least one", std::to_string(o.num_beams), "1 or more"};
  }
  if (o.num_beams > 1 && o.num_return_sequences > o.num_beams) {
    return Error{"/engine/num_return_sequences", "beam search returns at most num_beams sequences",
                 std::to_string(o.num_return_sequences), "1 to " + std::to_string(o.num_beams)};
  }
  if (o.max_new_tokens >= request.context && o.max_new_tokens > 0) {
    return Error{"/engine/max_new_tokens", "max_new_tokens leaves no room for a prompt in the context",
                 std::to_string(o.max_new_tokens), "less than context (" + std::to_string(request.context) + ")"};
  }
  return std::nullopt;
}

}  // namespace

TransformersOptions effective(const LlmRequest&, const TransformersOptions& options) {
  TransformersOptions o = options;
  if (o.version < 445) o.logits_of_whole_prompt = true;
  return o;
}

Result<LlmEstimate> estimate_transformers(const LlmRequest& request, const TransformersOptions& options) {
  if (std::optional<Error> error = refused(request, options)) return *std::move(error);
  const Model& model = *request.model;
  const WeightFormat format = loaded_format(request);
  const Placement placement = place_layers(request, format, options);
  const std::int64_t rows = rows_of(request, options);
  const std::int64_t prompt = std::max<std::int64_t>(1, request.context - options.max_new_tokens);
  const std::int64_t chunk = options.prefill_chunk_size > 0 ? std::min(prompt, options.prefill_chunk_size) : prompt;
  const bool fixed =
      options.cache_implementation == Cache::static_cache || options.cache_implementation == Cache::offloaded_static;
  const bool offloaded =
      options.cache_implementation == Cache::offloaded || options.cache_implementation == Cache::offloaded_static;
  const Bytes tower = add(weight_bytes(model, format, Part::tower), weight_bytes(model, format, Part::projector));
  Prefill prefill{rows, chunk, model.hidden_size, compute_bytes(model), options.attn_implementation};
  prefill.keys = fixed ? request.context : prompt;
  // With a mask (padded batches) or before 4.48, SDPA is given keys repeated to all heads (sdpa_attention.py).
  prefill.repeats_keys = options.version < 448 || request.sequences > 1 || chunk < prompt || fixed;

  LlmEstimate estimate;
  std::vector<Entry>& entries = estimate.ledger.entries;
  Interval layer_activations;
  for (const Layer* layer : distinct_layers(model, 0, static_cast<std::int64_t>(model.layers.size()))) {
    Interval one = replayed(prefill_tape(prefill, *layer));
    prefill.masked = request.sequences > 1;
    if (prefill.masked) {
      const Interval padded = replayed(prefill_tape(prefill, *layer));
      one = {std::min(one.low, padded.low), padded.expected, padded.high};
      prefill.masked = false;
    }
    layer_activations = larger(layer_activations, one);
  }
  if (model.hidden_size == 0) layer_activations = {kGiB / 8, kGiB, 6 * kGiB};  // known only by size: as wide as it gets

  LayerCache on_host;
  for (std::size_t g = 0; g < placement.weights.size(); ++g) {
    const Device device = gpu(static_cast<int>(g));
    LayerCache cache, largest;
    bool runs = false;
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
      if (placement.gpu_of_layer[i] != static_cast<int>(g)) continue;
      runs = true;
      const LayerCache one = layer_cache(request, options, model.layers[i], rows);
      largest.k = std::max(largest.k, one.k);
      largest.plain = std::max(largest.plain, one.plain);
      LayerCache& here = offloaded && !one.sliding ? on_host : cache;
      here.at_prefill = add(here.at_prefill, one.at_prefill);
      here.at_decode = add(here.at_decode, one.at_decode);
      cache.state = add(cache.state, one.state);
    }
    const auto put = [&](Kind kind, std::string_view label, Stages stages, Interval bytes, std::string_view formula,
                         std::vector<Value> values, std::string_view source) {
      if (bytes.high > 0) entries.push_back({kind, label, device, stages, bytes, formula, std::move(values), source});
    };
    const std::vector<Value> sizes{{"sequences", number(request.sequences)},
                                   {"num_beams", number(options.num_beams)},
                                   {"context", number(request.context)}};
    put(Kind::weights, "Weights", kInference, Interval::exact(placement.weights[g]),
        "stored bytes of the layers on this GPU",
        {{"gpus", number(static_cast<std::int64_t>(placement.weights.size()))}}, kStored);
    if (g == 0) {
      put(Kind::vision_tower, "Vision and audio towers", kInference, Interval::exact(tower), "stored bytes",
          {{"tower", number(tower)}}, kStored);
      put(Kind::weights, "Offloaded weights, the module that runs", kRunning,
          {placement.largest_offloaded, placement.largest_offloaded, mul(placement.largest_offloaded, 2)},
          "largest offloaded module", {{"largest", number(placement.largest_offloaded)}}, kHooks);
    }
    const bool grows = !fixed && !offloaded;
    constexpr std::string_view kCacheFormula =
        "sequences * num_beams * min(context, window) * (k_bytes + v_bytes) over layers";
    const std::string_view label = fixed ? "KV cache, allocated at once" : "KV cache, grown token by token";
    // Unmeasured: blocks that were outgrown may lie idle.
    const auto idle = [&](Bytes bytes) {
      return grows ? Interval{bytes, bytes, add(bytes, bytes / 10)} : Interval::exact(bytes);
    };
    if (cache.at_prefill == cache.at_decode) {
      put(Kind::kv_cache, label, kRunning, idle(cache.at_decode), kCacheFormula, sizes, kCacheSource);
    } else {
      put(Kind::kv_cache, "KV cache at the end of the prompt", Stage::prefill, idle(cache.at_prefill),
          "sequences * num_beams * prompt * (k_bytes + v_bytes) over layers, before windows drop what they passed",
          sizes, kCacheSource);
      put(Kind::kv_cache, label, Stage::decode, idle(cache.at_decode), kCacheFormula, sizes, kCacheSource);
    }
    if (offloaded && runs) {
      put(Kind::kv_cache, "KV cache of the layer that runs and of the next", kRunning,
          Interval::exact(mul(largest.plain, 2)), "2 * largest layer's cache", {{"layer", number(largest.plain)}},
          kCacheSource);
    }
    put(Kind::recurrent_state, "Recurrent and convolution state", kRunning, Interval::exact(cache.state),
        "sequences * num_beams * (4 * state_elements + bytes_per_element * conv_channels * d_conv)",
        {{"sequences", number(request.sequences)}, {"num_beams", number(options.num_beams)}}, kCacheSource);
    const Interval dequantized = unpacked(model, format, mul(rows, chunk));
    if (runs) {
      put(Kind::activations, "Activations of the largest layer", Stage::prefill, layer_activations,
          "peak(layer, sequences * num_beams * prompt)", sizes,
          "tape of one layer as transformers 4.57 runs it, replayed by PyTorch's caching allocator");
      put(Kind::activations, "Quantized weights or inputs, converted for one matrix", Stage::prefill, dequantized,
          "largest matrix in 16 bits, or its tokens in 8", {{"tokens", number(mul(rows, chunk))}},
          "bitsandbytes 0.48 autograd/_functions.py; AutoAWQ 0.2 gemm.py; GPTQModel temp_dq");
    }
    if (grows || options.cache_implementation == Cache::quantized) {
      const bool packed = options.cache_implementation == Cache::quantized;
      put(Kind::activations,
          packed ? "One layer's cache, unpacked and joined with the new token"
                 : "Old and new keys of one layer while the cache grows",
          Stage::decode,
          packed ? Interval{largest.plain, mul(largest.plain, 2), mul(largest.plain, 3)}
                 : Interval{0, largest.k, largest.k},
          packed ? "2 * (k + v) of the largest layer" : "largest k of a layer", {{"k", number(largest.k)}},
          kCacheSource);
    }
    const bool has_head =
        placement.head.type == Device::Type::gpu ? placement.head.index == static_cast<int>(g) : g == 0;
    if (has_head && model.vocab_size > 0) {
      // The prompt's logits follow the layers: whichever is larger is the peak of the prefill.
      const bool whole = options.logits_of_whole_prompt;
      put(Kind::logits, "Logits, as far as they exceed the layers", Stage::prefill,
          beyond(replayed(logits_tape(prefill, model.vocab_size, whole)), runs ? layer_activations : Interval{}),
          "peak(lm_head) - peak(layer)",
          {{"vocab_size", number(model.vocab_size)}, {"rows", number(whole ? mul(rows, chunk) : rows)}},
          "transformers 4.57 generation/utils.py; every token in 32 bits before 4.45");
    }
  }
  // Before 4.43 most models kept cosine and sine of every position in each layer (Llama dropped them in 4.39).
  if (const Bytes tables = rotary_tables(model); options.version < 443 && tables > 0) {
    entries.push_back({Kind::weights,
                       "Rotary tables of each layer",
                       gpu(0),
                       kInference,
                       {0, tables, tables},
                       "layers * max_position_embeddings * head_dim * 2 * bytes_per_element",
                       {{"max_position_embeddings", number(model.max_position_embeddings)}},
                       "transformers 4.38 models/qwen2/modeling_qwen2.py, Qwen2RotaryEmbedding"});
  }
  const auto put_off = [&](Kind kind, std::string_view label, Device device, Stages stages, Bytes bytes,
                           std::string_view source) {
    if (bytes > 0) {
      entries.push_back(
          {kind, label, device, stages, Interval::exact(bytes), "stored bytes", {{"bytes", number(bytes)}}, source});
    }
  };
  put_off(Kind::weights, "Weights offloaded to RAM", kHost, kInference, placement.on_host, kHooks);
  put_off(Kind::weights, "Weights offloaded to disk", kDisk, kInference, placement.on_disk, kHooks);
  put_off(Kind::kv_cache, "KV cache offloaded to RAM", kHost, kRunning, std::max(on_host.at_prefill, on_host.at_decode),
          kCacheSource);
  warn(request, tower, estimate);
  add_figures(request, estimate);
  return estimate;
}

}  // namespace vram
