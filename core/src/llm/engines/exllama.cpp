// ExLlamaV2 0.3.2 and ExLlamaV3 1.4.1: weights in EXL2, EXL3, GPTQ or 16 bits, a cache laid out at once, scratch that
// is as large as one chunk of the prompt asks for. Rules: exllamav2 cache.py, attn.py, mlp.py, linear.py (temp_*_size),
// model.py (set_device_map, load_autosplit); exllamav3 cache/quant.py, cache/fp16.py. No measured record was at hand.
#include <algorithm>
#include <string>

#include "llm/engines/engines.hpp"
#include "llm/engines/transformers_tape.hpp"
#include "llm/parts.hpp"

namespace vram {
namespace {

constexpr std::int64_t kPage = 256;
constexpr std::int64_t kMostUnpacked = std::int64_t{512} << 20;  // config.py max_dq_size, elements
constexpr std::string_view kScratch = "exllamav2 0.3.2 attn.py, mlp.py, linear.py: scratch_space_fixed";

double number(std::int64_t value) { return static_cast<double>(value); }

// Bits of one cached element, with a 16-bit scale per 32 of them when quantized.
Bytes cache_bytes(std::int64_t elements, std::int64_t bits) {
  if (bits >= 16) return mul(elements, 2);
  return add(ceil_div(mul(elements, bits), 8), mul(ceil_div(elements, 32), 2));
}

struct LayerNeeds {
  Bytes weights = 0;
  Bytes cache = 0;
  Bytes plain_cache = 0;  // the same in 16 bits: what a quantized cache is unpacked into
};

struct Scratch {
  Bytes fixed = 0;     // allocated while loading
  Bytes unpacked = 0;  // largest matrix
};

Scratch scratch_of(const Model& model, const ExLlamaOptions& o) {
  Scratch s;
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part == Part::text && !tensor.is_1d() && (tensor.layer >= 0 || tensor.role == Role::output)) {
      s.unpacked = std::max(s.unpacked, mul(2, std::min(kMostUnpacked, mul(tensor.ne0, tensor.ne1))));
    }
  }
  for (const Layer& layer : model.layers) {
    std::int64_t attention = model.hidden_size, inner = model.hidden_size;
    if (layer.attention)
      attention = std::max(attention, mul(layer.attention->num_attention_heads, layer.attention->head_dim));
    if (layer.ffn) inner = std::max(inner, layer.ffn->intermediate_size);
    if (layer.experts) inner = std::max(inner, layer.experts->moe_intermediate_size);
    const Bytes state = product({o.max_chunk_size, model.hidden_size, 2});
    s.fixed = std::max(s.fixed, product({o.max_chunk_size, attention, 2}));
    s.fixed = std::max(s.fixed, add(state, product({o.max_chunk_size, inner, 2, 2})));
  }
  s.fixed = add(s.fixed, s.unpacked);
  return s;
}

std::int64_t cells_of(const LlmRequest& request, const ExLlamaOptions& o) {
  return round_up(o.max_seq_len > 0 ? o.max_seq_len : mul(request.context, request.sequences), kPage);
}

}  // namespace

ExLlamaOptions effective(const LlmRequest& request, const ExLlamaOptions& options) {
  ExLlamaOptions o = options;
  if (o.max_seq_len == 0) o.max_seq_len = cells_of(request, options);
  return o;
}

Result<LlmEstimate> estimate_exllama(const LlmRequest& request, const ExLlamaOptions& o) {
  const Model& model = *request.model;
  const WeightFormat& format = request.weights;
  using Scheme = WeightFormat::Scheme;
  const bool third = o.generation == 3;
  if (format.scheme != Scheme::exl && format.scheme != Scheme::plain && (third || format.scheme != Scheme::gptq)) {
    return Error{"/weights", third ? "ExLlamaV3 does not load this format" : "ExLlamaV2 does not load this format",
                 "\"" + std::string(format.id) + "\"",
                 third ? "\"exl3\" or \"fp16\"" : "\"exl2\", \"gptq\" or \"fp16\""};
  }
  if (mul(request.context, request.sequences) > o.max_seq_len) {
    return Error{"/engine/max_seq_len", "the cache holds fewer tokens than are asked for",
                 std::to_string(o.max_seq_len),
                 "at least context x sequences (" + std::to_string(mul(request.context, request.sequences)) + ")"};
  }
  const std::int64_t cells = round_up(o.max_seq_len, kPage);
  const auto count = model.layers.size();
  std::vector<LayerNeeds> layers(count);
  Bytes head = 0, embeddings = 0, opaque = 0, tied = 0;
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part != Part::text) continue;
    const Bytes bytes = stored_bytes(format, model, tensor);
    if (tensor.layer >= 0 && static_cast<std::size_t>(tensor.layer) < count) {
      Bytes& here = layers[static_cast<std::size_t>(tensor.layer)].weights;
      here = add(here, bytes);
    } else if (tensor.role == Role::opaque) {
      opaque = add(opaque, bytes);
    } else if (tensor.role == Role::output || tensor.role == Role::output_norm) {
      head = add(head, bytes);
    } else {
      embeddings = add(embeddings, mul(tensor.elements(), 2));
      // A tied head is a matrix of its own, quantized like any head.
      if (tensor.role == Role::token_embd && model.tie_word_embeddings) {
        Tensor as_head = tensor;
        as_head.role = Role::output;
        tied = add(tied, stored_bytes(format, model, as_head));
      }
    }
  }
  head = add(head, tied);
  for (std::size_t i = 0; i < count; ++i) {
    layers[i].weights =
        add(layers[i].weights,
            opaque / static_cast<Bytes>(count) + (static_cast<Bytes>(i) < opaque % static_cast<Bytes>(count) ? 1 : 0));
    KvWidth width = kv_width(model.layers[i]);
    if (const auto& latent = model.layers[i].latent; latent && !third) {
      width = {mul(latent->num_attention_heads, latent->qk_nope_head_dim + latent->qk_rope_head_dim),
               mul(latent->num_attention_heads, latent->v_head_dim)};
    }
    layers[i].cache = add(cache_bytes(mul(cells, width.k), o.k_bits), cache_bytes(mul(cells, width.v), o.v_bits));
    layers[i].plain_cache = product({cells, width.k + width.v, 2});
  }

  LlmEstimate estimate;
  const Scratch scratch = scratch_of(model, o);
  Device device;
  const auto put = [&](Kind kind, std::string_view label, Stages stages, Interval bytes, std::string_view formula,
                       std::vector<Value> values, std::string_view source) {
    if (bytes.high > 0)
      estimate.ledger.entries.push_back({kind, label, device, stages, bytes, formula, std::move(values), source});
  };
  Prefill prefill{1, std::min(o.max_chunk_size, request.context), model.hidden_size, 2,
                  o.flash_attn ? TransformersOptions::AttnImplementation::flash_attention_2
                               : TransformersOptions::AttnImplementation::eager};
  prefill.keys = request.context;
  Bytes live = 0;
  for (const Layer* layer : distinct_layers(model, 0, static_cast<std::int64_t>(count))) {
    live = std::max(live, replay_live_bytes(prefill_tape(prefill, *layer)).peak_bytes);
  }
  const Bytes tower = add(weight_bytes(model, *find_weight_format("fp16"), Part::tower),
                          weight_bytes(model, *find_weight_format("fp16"), Part::projector));

  // Autosplit: modules in order, each GPU filled before the next is begun.
  const int gpus = request.machine.count;
  const Bytes memory = request.machine.gpu.memory_bytes;
  std::size_t next = 0;
  for (int g = 0; g < gpus && (next < count || g == 0); ++g) {
    device = gpu(g);
    const Bytes taken = add(add(request.profile.runtime_context, display_bytes(request.profile, g).expected),
                            add(scratch.fixed, g == 0 ? 192 * kMiB : 64 * kMiB));
    const Bytes room = memory > 0 && g + 1 < gpus ? add(memory, -taken) : kMaxBytes;
    LayerNeeds here;
    for (; next < count; ++next) {
      const LayerNeeds& layer = layers[next];
      if (add(add(here.weights, here.cache), add(layer.weights, layer.cache)) > room && here.weights > 0) break;
      here.weights = add(here.weights, layer.weights);
      here.cache = add(here.cache, layer.cache);
      here.plain_cache = std::max(here.plain_cache, layer.plain_cache);
    }
    const bool last = next >= count;
    put(Kind::weights, "Weights", kInference, Interval::exact(add(here.weights, last ? head : 0)),
        "stored bytes of the layers on this GPU", {{"gpus", number(gpus)}},
        "sum over the checkpoint's tensors in this format; heads of EXL checkpoints in at least 6 bits");
    if (g == 0)
      put(Kind::vision_tower, "Vision tower", kInference, Interval::exact(tower), "stored bytes", {}, "16 bits");
    put(Kind::kv_cache, "KV cache, laid out at once", kInference, Interval::exact(here.cache),
        "round_up(max_seq_len, 256) * (k + v elements * bits / 8, 2 bytes per 32 when quantized) over layers",
        {{"max_seq_len", number(o.max_seq_len)}, {"k_bits", number(o.k_bits)}, {"v_bits", number(o.v_bits)}},
        third ? "exllamav3 1.4.1 cache/quant.py, cache/fp16.py" : "exllamav2 0.3.2 cache.py");
    if (o.k_bits < 16) {
      // ExLlamaV2 unpacks a layer into temporaries as large as an FP16 layer; ExLlamaV3 reads the packed cache.
      put(Kind::compute_buffer, "One layer's cache, unpacked", kRunning,
          third ? Interval{0, 0, here.plain_cache} : Interval::exact(here.plain_cache),
          "2 * max_seq_len * (k + v elements)", {{"max_seq_len", number(o.max_seq_len)}},
          third ? "exllamav3 1.4.1 cache/quant.py" : "exllamav2 0.3.2 cache.py ExLlamaV2Cache_Q.create_state_tensors");
    }
    put(Kind::compute_buffer, "Scratch, allocated while loading", kInference,
        third ? Interval{0, scratch.unpacked, scratch.fixed} : Interval::exact(scratch.fixed),
        "max_chunk_size * (hidden + 2 * intermediate) * 2 + largest matrix * 2",
        {{"max_chunk_size", number(o.max_chunk_size)}, {"matrix", number(scratch.unpacked)}}, kScratch);
    const Interval activations =
        model.hidden_size > 0 ? Interval{live / 2, live, add(live, live / 2)} : Interval{kGiB / 16, kGiB / 2, 4 * kGiB};
    put(Kind::activations, "Activations of a chunk of the prompt", Stage::prefill, activations,
        "peak(layer, max_chunk_size)", {{"max_chunk_size", number(o.max_chunk_size)}},
        "tape of one layer; the fused kernels need less, unverified");
    if (last)
      put(Kind::logits, "Logits", kRunning, Interval::exact(product({request.sequences, model.vocab_size, 6})),
          "sequences * vocab_size * (2 + 4)", {{"vocab_size", number(model.vocab_size)}},
          "last token of each sequence, in 16 and 32 bits");
  }
  device = kHost;
  put(Kind::weights, "Embeddings", kInference, Interval::exact(embeddings), "2 * vocab_size * hidden_size",
      {{"vocab_size", number(model.vocab_size)}},
      third ? "exllamav3 1.4.1 modules/embedding.py: prefers the CPU" : "exllamav2 0.3.2 model.py: embed_cpu");
  estimate.warnings.push_back({"/engine", "no measurements of ExLlama were at hand: activations are unverified"});
  if (tower > 0) estimate.warnings.push_back({"/model", "activations of the vision or audio tower are not modelled"});
  estimate.figures.push_back({"cache_tokens", number(cells), "tokens"});
  return estimate;
}

}  // namespace vram
