// Options of the engines that are not llama.cpp or a program around it.
#include <algorithm>

#include "api/read_servers.hpp"
#include "api/request.hpp"
#include "vram/solve.hpp"

namespace vram {
namespace {

// "4.57", "4.57.1": what the rules depend on is major and minor.
int read_version(const ObjectReader& reader, int fallback) {
  const std::string text = reader.string_or("version", "");
  if (text.empty()) return fallback;
  int major = 0, minor = 0;
  std::size_t i = 0;
  const auto digits = [&](int& number) {
    const std::size_t first = i;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9' && i < first + 2; ++i)
      number = number * 10 + (text[i] - '0');
    return i > first;
  };
  const bool read =
      digits(major) && i < text.size() && text[i++] == '.' && digits(minor) && (i == text.size() || text[i] == '.');
  if (!read || major < 4) {
    refuse(reader.path_of("version"), "this is no version of transformers that is known here",
           shown(*reader.find("version")), "\"4.30\" or later, e.g. \"4.57\"");
  }
  return std::min(major, 99) * 100 + minor;
}

TransformersOptions read_transformers(const ObjectReader& reader) {
  using Attn = TransformersOptions::AttnImplementation;
  using Cache = TransformersOptions::CacheImplementation;
  using Map = TransformersOptions::DeviceMap;
  reader.only({"name", "version", "attn_implementation", "cache_implementation", "num_beams", "num_return_sequences",
               "max_new_tokens", "prefill_chunk_size", "logits_of_whole_prompt", "nbits", "q_group_size",
               "residual_length", "device_map", "max_memory_gib", "cpu_memory_gib", "offload_to_disk"});
  TransformersOptions o;
  o.version = read_version(reader, o.version);
  o.attn_implementation = static_cast<Attn>(reader.choice_or(
      "attn_implementation", {"eager", "sdpa", "flash_attention_2"}, static_cast<std::size_t>(o.attn_implementation)));
  o.cache_implementation = static_cast<Cache>(
      reader.choice_or("cache_implementation", {"dynamic", "static", "offloaded", "offloaded_static", "quantized"},
                       static_cast<std::size_t>(o.cache_implementation)));
  o.num_beams = reader.integer_or("num_beams", 1, 1024, o.num_beams);
  o.num_return_sequences = reader.integer_or("num_return_sequences", 1, 1024, o.num_return_sequences);
  o.max_new_tokens = reader.integer_or("max_new_tokens", 0, kContextLimit, o.max_new_tokens);
  o.prefill_chunk_size = reader.integer_or("prefill_chunk_size", 0, kContextLimit, o.prefill_chunk_size);
  o.logits_of_whole_prompt = reader.boolean_or("logits_of_whole_prompt", o.logits_of_whole_prompt);
  const auto bits = reader.integer_or("nbits", 1, 8, o.nbits);
  if (bits > 4 && bits != 8)
    refuse(reader.path_of("nbits"), "no backend has a cache of this many bits", std::to_string(bits),
           "one of: 1, 2, 3, 4, 8");
  o.nbits = bits;
  o.q_group_size = reader.integer_or("q_group_size", 1, 1 << 20, o.q_group_size);
  o.residual_length = reader.integer_or("residual_length", 1, 1 << 20, o.residual_length);
  o.device_map = static_cast<Map>(reader.choice_or("device_map", {"auto", "balanced", "balanced_low_0", "sequential"},
                                                   static_cast<std::size_t>(o.device_map)));
  o.max_memory_gib = reader.number_or("max_memory_gib", 0, 1e6, o.max_memory_gib);
  o.cpu_memory_gib = reader.number_or("cpu_memory_gib", 0, 1e6, o.cpu_memory_gib);
  o.offload_to_disk = reader.boolean_or("offload_to_disk", o.offload_to_disk);
  return o;
}

std::int64_t one_of(const ObjectReader& reader, std::string_view key, std::initializer_list<std::int64_t> valid,
                    std::int64_t fallback) {
  if (!reader.has(key)) return fallback;
  const std::int64_t number = reader.integer(key, 0, 1 << 20);
  std::string expected;
  for (const std::int64_t candidate : valid) {
    if (candidate == number) return candidate;
    expected += (expected.empty() ? "one of: " : ", ") + std::to_string(candidate);
  }
  refuse(reader.path_of(key), std::string(key) + " is not one this engine has", std::to_string(number), expected);
}

MlxOptions read_mlx(const ObjectReader& reader) {
  reader.only({"name", "max_kv_size", "kv_bits", "kv_group_size", "prefill_step_size"});
  MlxOptions o;
  o.max_kv_size = reader.integer_or("max_kv_size", 0, kContextLimit, o.max_kv_size);
  o.kv_bits = one_of(reader, "kv_bits", {0, 2, 3, 4, 6, 8}, o.kv_bits);
  o.kv_group_size = one_of(reader, "kv_group_size", {32, 64, 128}, o.kv_group_size);
  o.prefill_step_size = reader.integer_or("prefill_step_size", 1, std::int64_t{1} << 24, o.prefill_step_size);
  if (o.kv_bits > 0 && o.max_kv_size > 0) {
    refuse(reader.path_of("kv_bits"), "mlx-lm cannot quantize a rotating cache", std::to_string(o.kv_bits),
           "0, or no max_kv_size");
  }
  return o;
}

ExLlamaOptions read_exllama(const ObjectReader& reader, int generation) {
  reader.only({"name", "max_seq_len", "max_chunk_size", "k_bits", "v_bits", "flash_attn"});
  ExLlamaOptions o;
  o.generation = generation;
  o.max_seq_len = reader.integer_or("max_seq_len", 0, kContextLimit, o.max_seq_len);
  o.max_chunk_size = reader.integer_or("max_chunk_size", 1, std::int64_t{1} << 24, o.max_chunk_size);
  if (generation == 2) {
    // cache.py: ExLlamaV2Cache (FP16), _Q8 (8 and 8 bits), _Q6 (8 and 4), _Q4 (4 and 4).
    o.k_bits = one_of(reader, "k_bits", {4, 8, 16}, o.k_bits);
    o.v_bits = one_of(reader, "v_bits", {4, 8, 16}, o.k_bits);
    if ((o.k_bits == 16) != (o.v_bits == 16) || o.v_bits > o.k_bits) {
      refuse(reader.path_of("v_bits"), "ExLlamaV2 has no cache of these two", std::to_string(o.v_bits),
             "k_bits and v_bits 16 and 16, 8 and 8 (Q8), 8 and 4 (Q6), 4 and 4 (Q4)");
    }
  } else {
    o.k_bits = one_of(reader, "k_bits", {2, 3, 4, 5, 6, 7, 8, 16}, o.k_bits);
    o.v_bits = one_of(reader, "v_bits", {2, 3, 4, 5, 6, 7, 8, 16}, o.k_bits);
    if ((o.k_bits == 16) != (o.v_bits == 16)) {
      refuse(reader.path_of("v_bits"), "keys and values are both quantized or neither", std::to_string(o.v_bits),
             "16 for both, or 2 to 8 for both");
    }
  }
  o.flash_attn = reader.boolean_or("flash_attn", o.flash_attn);
  return o;
}

}  // namespace

EngineOptions read_other_engine(std::string_view name, const ObjectReader& reader, const CallerRows& rows) {
  if (name == "vllm") return read_vllm(reader, rows);
  if (name == "transformers") return read_transformers(reader);
  if (name == "sglang") return read_sglang(reader);
  if (name == "tensorrt-llm") return read_tensorrt_llm(reader);
  if (name == "mlx") return read_mlx(reader);
  return read_exllama(reader, name == "exllamav3" ? 3 : 2);
}

}  // namespace vram
