// "engine" with its own options, and "kv_cache".
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

const TensorType* read_cache_type(const EngineOptions& engine, const Json& json, const std::string& path) {
  const std::vector<std::string_view> valid = cache_types(engine);
  std::string expected;
  for (const std::string_view id : valid) expected += (expected.empty() ? "one of: " : ", ") + std::string(id);
  if (!json.is_string()) refuse(path, "a KV cache type must be a text", shown(json), expected);
  const auto& typed = json.get_ref<const std::string&>();
  const TensorType* type = find_tensor_type(typed);
  if (type == nullptr) refuse(path, "unknown KV cache type" + did_you_mean(typed, valid), shown(json), expected);
  if (std::find(valid.begin(), valid.end(), type->id) == valid.end()) {
    refuse(path, std::string(name_of(engine)) + " has no KV cache in this type", shown(json), expected);
  }
  return type;
}

namespace {

// One side of the cache may be named in "kv_cache" and among the engine's options: then both must agree.
const TensorType* agreed(const TensorType* type, const TensorType* again, const std::string& path) {
  if (type != nullptr && again != nullptr && type != again) {
    refuse(path, "this contradicts /kv_cache", "\"" + std::string(again->id) + "\"",
           "\"" + std::string(type->id) + "\"");
  }
  return type != nullptr ? type : again;
}

const TensorType* default_cache_type(const EngineOptions& engine, const Model& model) {
  std::string_view id = model.torch_dtype;
  if (std::holds_alternative<LlamaCppOptions>(engine) || std::holds_alternative<ExLlamaOptions>(engine)) id = "f16";
  if (std::holds_alternative<MlxOptions>(engine) && id == "f32") id = "bf16";
  // vllm/config/model.py: a float32 checkpoint runs in 16 bits
  if (is_server(engine) && id == "f32") id = "f16";
  const TensorType* type = find_tensor_type(id);
  return type != nullptr ? type : find_tensor_type("bf16");
}

void read_cache(const ObjectReader& request, const ObjectReader* engine, LlmRequest& llm) {
  const TensorType* k = nullptr;
  const TensorType* v = nullptr;
  const Json* json = request.find("kv_cache");
  if (json != nullptr && json->is_object()) {
    const ObjectReader reader(*json, "/kv_cache");
    reader.only({"k", "v"});
    if (reader.has("k")) k = read_cache_type(llm.engine, *reader.find("k"), "/kv_cache/k");
    if (reader.has("v")) v = read_cache_type(llm.engine, *reader.find("v"), "/kv_cache/v");
  } else if (json != nullptr) {
    k = v = read_cache_type(llm.engine, *json, "/kv_cache");
  }
  if (engine != nullptr) {
    const auto option = [&](std::string_view key) -> const TensorType* {
      const Json* typed = engine->find(key);
      if (typed == nullptr || (key == "kv_cache_dtype" && *typed == "auto")) return nullptr;
      return read_cache_type(llm.engine, *typed, engine->path_of(key));
    };
    k = agreed(k, option("type_k"), "/engine/type_k");
    v = agreed(v, option("type_v"), "/engine/type_v");
    k = agreed(k, option("llamaKCacheQuantizationType"), "/engine/llamaKCacheQuantizationType");
    v = agreed(v, option("llamaVCacheQuantizationType"), "/engine/llamaVCacheQuantizationType");
    for (const char* key : {"kv_cache_dtype", "kv_cache_type", "quantkv"}) {
      const TensorType* both = option(key);
      k = agreed(k, both, engine->path_of(key));
      v = agreed(v, both, engine->path_of(key));
    }
  }
  const TensorType* fallback = default_cache_type(llm.engine, *llm.model);
  llm.type_k = k != nullptr ? k : fallback;
  llm.type_v = v != nullptr ? v : fallback;
  const auto* o = std::get_if<LlamaCppOptions>(&llm.engine);
  const bool one_type =
      (o != nullptr &&
       (o->program == LlamaCppOptions::Program::ollama || o->program == LlamaCppOptions::Program::koboldcpp)) ||
      is_server(llm.engine) || std::holds_alternative<TransformersOptions>(llm.engine) ||
      std::holds_alternative<MlxOptions>(llm.engine) || std::holds_alternative<ExLlamaOptions>(llm.engine);
  if (one_type && llm.type_k != llm.type_v) {
    refuse("/kv_cache", std::string(name_of(llm.engine)) + " keeps keys and values in one type",
           "{\"k\": \"" + std::string(llm.type_k->id) + "\", \"v\": \"" + std::string(llm.type_v->id) + "\"}",
           "the same type for k and v");
  }
}

}  // namespace

//   llama.cpp     common/arg.cpp, kv_cache_types
//   Ollama        docs/faq (OLLAMA_KV_CACHE_TYPE); KoboldCpp koboldcpp.py (--quantkv)
//   vLLM          vllm/config/cache.py, CacheDType; the model's own dtype for "auto"
//   SGLang        python/sglang/srt/server_args.py, kv_cache_dtype
//   TensorRT-LLM  tensorrt_llm/llmapi/llm_args.py, KvCacheConfig.dtype
//   mlx-lm        mlx_lm/models/cache.py
//   ExLlama       cache.py: FP16, or quantized by options of its own
//   transformers  the dtype the model runs in (DynamicCache, StaticCache)
std::vector<std::string_view> cache_types(const EngineOptions& engine) {
  if (const auto* o = std::get_if<LlamaCppOptions>(&engine)) {
    if (o->program == LlamaCppOptions::Program::ollama) return {"f16", "q8_0", "q4_0"};
    if (o->program == LlamaCppOptions::Program::koboldcpp) return {"f16", "bf16", "q8_0", "q5_1", "q4_0"};
    return {"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"};
  }
  if (std::holds_alternative<VllmOptions>(engine)) return {"f32", "f16", "bf16", "fp8_e4m3", "fp8_e5m2"};
  if (std::holds_alternative<SglangOptions>(engine)) return {"f16", "bf16", "fp8_e4m3", "fp8_e5m2"};
  if (std::holds_alternative<TensorRtLlmOptions>(engine)) return {"f16", "bf16", "fp8_e4m3"};
  if (std::holds_alternative<TransformersOptions>(engine)) return {"f32", "f16", "bf16"};
  if (std::holds_alternative<MlxOptions>(engine)) return {"f16", "bf16"};  // quantized: kv_bits
  if (std::holds_alternative<ExLlamaOptions>(engine)) return {"f16"};      // quantized: k_bits, v_bits
  std::vector<std::string_view> all;
  for (const TensorType& type : tensor_types()) {
    if (type.kv_cache) all.push_back(type.id);
  }
  return all;
}

namespace {

// A program around llama.cpp with the defaults that differ.
LlamaCppOptions defaults_of(LlamaCppOptions::Program program) {
  LlamaCppOptions o;
  o.program = program;
  o.n_batch = o.n_ubatch = program == LlamaCppOptions::Program::ollama ? 0 : 512;
  o.kv_unified = program != LlamaCppOptions::Program::ollama;
  o.swa_full = program == LlamaCppOptions::Program::lm_studio;
  if (program == LlamaCppOptions::Program::koboldcpp) o.flash_attn = true;
  return o;
}

}  // namespace

std::vector<EngineOptions> every_engine() {
  using Program = LlamaCppOptions::Program;
  return {LlamaCppOptions{},
          VllmOptions{},
          TransformersOptions{},
          IdealOptions{},
          defaults_of(Program::ollama),
          defaults_of(Program::lm_studio),
          defaults_of(Program::koboldcpp),
          SglangOptions{},
          TensorRtLlmOptions{},
          MlxOptions{},
          ExLlamaOptions{},
          ExLlamaOptions{.generation = 3}};
}

void read_engine(const ObjectReader& request, const CallerRows& rows, LlmRequest& llm) {
  const Json* json = request.find("engine");
  llm.engine = LlamaCppOptions{};
  if (json == nullptr) {
    read_cache(request, nullptr, llm);
    return;
  }
  const ObjectReader reader(*json, "/engine");
  using Program = LlamaCppOptions::Program;
  switch (reader.choice_or("name",
                           {"llama.cpp", "vllm", "transformers", "ideal", "ollama", "lm-studio", "koboldcpp", "sglang",
                            "tensorrt-llm", "mlx", "exllamav2", "exllamav3"},
                           0)) {
    case 0: llm.engine = read_llama_cpp(reader, llm, rows, Program::llama_cpp); break;
    case 1: llm.engine = read_vllm(reader, rows); break;
    case 2: llm.engine = read_transformers(reader); break;
    case 4: llm.engine = read_llama_cpp(reader, llm, rows, Program::ollama); break;
    case 5: llm.engine = read_llama_cpp(reader, llm, rows, Program::lm_studio); break;
    case 6: llm.engine = read_llama_cpp(reader, llm, rows, Program::koboldcpp); break;
    case 7: llm.engine = read_sglang(reader); break;
    case 8: llm.engine = read_tensorrt_llm(reader); break;
    case 9: llm.engine = read_mlx(reader); break;
    case 10: llm.engine = read_exllama(reader, 2); break;
    case 11: llm.engine = read_exllama(reader, 3); break;
    default: reader.only({"name"}); llm.engine = IdealOptions{};
  }
  read_cache(request, &reader, llm);
}

}  // namespace vram
