// "engine" with its own options, and "kv_cache".
#include <algorithm>

#include "api/read_servers.hpp"
#include "api/request.hpp"
#include "api/scope.hpp"

namespace vram {
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
  const std::initializer_list<std::string_view> names = {"llama.cpp",    "vllm",      "transformers", "ideal",
                                                         "ollama",       "lm-studio", "koboldcpp",    "sglang",
                                                         "tensorrt-llm", "mlx",       "exllamav2",    "exllamav3"};
  const std::size_t name = reader.choice_or("name", names, 0);
  switch (name) {
    case 0: llm.engine = read_llama_cpp(reader, llm, rows, Program::llama_cpp); break;
    case 3:
      reader.only({"name"});
      llm.engine = IdealOptions{};
      break;
    case 4: llm.engine = read_llama_cpp(reader, llm, rows, Program::ollama); break;
    case 5: llm.engine = read_llama_cpp(reader, llm, rows, Program::lm_studio); break;
    case 6: llm.engine = read_llama_cpp(reader, llm, rows, Program::koboldcpp); break;
    default: llm.engine = scope().read_other_engine(names.begin()[name], reader, rows);
  }
  read_cache(request, &reader, llm);
}

}  // namespace vram
