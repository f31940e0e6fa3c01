// llama.cpp's options, and those of the programs that run it under names and defaults of their own.
//   Ollama     ollama/ollama fb30760 (2026-08): llm/llama_server.go, envconfig/config.go, api/types.go
//   LM Studio  lmstudio-ai/lmstudio-js: LLMLoadModelConfig; its logs show full-size window caches
//   KoboldCpp  1.117.1: koboldcpp.py (arguments)
#include <cmath>

#include "api/request.hpp"
#include "vram/solve.hpp"

namespace vram {
namespace {

constexpr std::int64_t kBatchLimit = 1 << 24;  // tokens in one batch: no engine takes more
constexpr std::int64_t kLayerLimit = 100'000;
constexpr std::int64_t kCellLimit = std::int64_t{1} << 32;
constexpr std::int64_t kGpuLimit = 64;

// true, false, "on", "off" or "auto".
std::optional<bool> flash_attention(const ObjectReader& reader, std::string_view key) {
  const Json* json = reader.find(key);
  if (json == nullptr || *json == "auto") return std::nullopt;
  if (json->is_boolean()) return json->get<bool>();
  if (*json == "on" || *json == "off") return *json == "on";
  refuse(reader.path_of(key), std::string(key) + " must be true, false or \"auto\"", shown(*json),
         R"(true, false or "auto")");
}

std::vector<double> shares(const ObjectReader& reader, std::string_view key) {
  std::vector<double> list;
  const Json* json = reader.find(key);
  if (json == nullptr) return list;
  const std::string path = reader.path_of(key);
  const char* const expected = "a list of shares, one a GPU, such as [3, 1]";
  if (!json->is_array() || json->size() > static_cast<std::size_t>(kGpuLimit)) {
    refuse(path, std::string(key) + " must be a list", shown(*json), expected);
  }
  double sum = 0;
  for (std::size_t i = 0; i < json->size(); ++i) {
    const Json& share = (*json)[i];
    if (!share.is_number() || share.get<double>() < 0 || share.get<double>() > 1e6) {
      refuse(path_at(path, i), "a share must be a number from 0 to 1000000", shown(share), expected);
    }
    list.push_back(share.get<double>());
    sum += list.back();
  }
  if (!list.empty() && sum <= 0) refuse(path, "at least one share must be more than 0", shown(*json), expected);
  return list;
}

const TensorType* draft_cache_type(const ObjectReader& reader, std::string_view key) {
  const Json* json = reader.find(key);
  return json == nullptr ? find_tensor_type("f16") : read_cache_type(LlamaCppOptions{}, *json, reader.path_of(key));
}

// {"model": {...}, "weights": ...} in the forms that the request itself has.
std::shared_ptr<const DraftModel> read_draft(const ObjectReader& reader, const CallerRows& rows) {
  const Json* json = reader.find("model_draft");
  if (json == nullptr) {
    for (const std::string_view key : {"n_gpu_layers_draft", "type_k_draft", "type_v_draft"}) {
      if (reader.has(key)) refuse(reader.path_of(key), "there is no model_draft", shown(*reader.find(key)));
    }
    return nullptr;
  }
  const std::string path = reader.path_of("model_draft");
  auto draft = std::make_shared<DraftModel>();
  try {
    const ObjectReader own(*json, "");
    own.only({"model", "weights"});
    draft->model = read_model(own, rows);
    draft->weights = read_weights(own, draft->model);
  } catch (BadInput& problem) {
    problem.error.path = path + problem.error.path;
    throw;
  }
  draft->type_k = draft_cache_type(reader, "type_k_draft");
  draft->type_v = draft_cache_type(reader, "type_v_draft");
  draft->n_gpu_layers = reader.integer_or("n_gpu_layers_draft", -1, kLayerLimit, -1);
  return draft;
}

LlamaCppOptions read_own(const ObjectReader& reader, const CallerRows& rows) {
  reader.only({"name",         "n_ctx",       "n_batch",       "n_ubatch",     "n_seq_max",
               "n_gpu_layers", "n_cpu_moe",   "n_outputs_max", "flash_attn",   "kv_unified",
               "swa_full",     "offload_kqv", "op_offload",    "type_k",       "type_v",
               "split_mode",   "main_gpu",    "tensor_split",  "mmproj",       "mmproj_offload",
               "mtp",          "model_draft", "type_k_draft",  "type_v_draft", "n_gpu_layers_draft"});
  LlamaCppOptions o;
  o.n_ctx = reader.integer_or("n_ctx", 0, kCellLimit, o.n_ctx);
  o.n_batch = reader.integer_or("n_batch", 1, kBatchLimit, o.n_batch);
  o.n_ubatch = reader.integer_or("n_ubatch", 1, kBatchLimit, o.n_ubatch);
  o.n_seq_max = reader.integer_or("n_seq_max", 0, kSequencesLimit, o.n_seq_max);
  o.n_gpu_layers = reader.integer_or("n_gpu_layers", -1, kLayerLimit, o.n_gpu_layers);
  o.n_cpu_moe = reader.integer_or("n_cpu_moe", -1, kLayerLimit, o.n_cpu_moe);
  o.n_outputs_max = reader.integer_or("n_outputs_max", -1, kBatchLimit, o.n_outputs_max);
  o.flash_attn = flash_attention(reader, "flash_attn");
  o.kv_unified = reader.boolean_or("kv_unified", o.kv_unified);
  o.swa_full = reader.boolean_or("swa_full", o.swa_full);
  o.offload_kqv = reader.boolean_or("offload_kqv", o.offload_kqv);
  o.op_offload = reader.boolean_or("op_offload", o.op_offload);
  if (reader.find("split_mode") != nullptr && *reader.find("split_mode") == "row") {
    refuse("/engine/split_mode", "llama.cpp 0.5.0 has no split buffers on CUDA GPUs: it refuses to load with row",
           "\"row\"", "\"layer\" or \"none\"");
  }
  o.split_mode = static_cast<LlamaCppOptions::SplitMode>(
      reader.choice_or("split_mode", {"none", "layer"}, static_cast<std::size_t>(o.split_mode)));
  o.main_gpu = reader.integer_or("main_gpu", 0, kGpuLimit - 1, o.main_gpu);
  o.tensor_split = shares(reader, "tensor_split");
  o.mmproj = reader.boolean_or("mmproj", o.mmproj);
  o.mmproj_offload = reader.boolean_or("mmproj_offload", o.mmproj_offload);
  o.mtp = reader.boolean_or("mtp", o.mtp);
  o.draft = read_draft(reader, rows);
  return o;
}

LlamaCppOptions read_ollama(const ObjectReader& reader) {
  reader.only(
      {"name", "num_ctx", "num_batch", "num_gpu", "main_gpu", "num_parallel", "flash_attention", "kv_cache_type"});
  LlamaCppOptions o;
  o.program = LlamaCppOptions::Program::ollama;
  o.n_seq_max = reader.integer_or("num_parallel", 0, kSequencesLimit, 0);
  o.n_ctx = reader.integer_or("num_ctx", 0, kContextLimit, 0);
  o.n_batch = o.n_ubatch = reader.integer_or("num_batch", 0, kBatchLimit, 0);
  o.n_gpu_layers = reader.integer_or("num_gpu", -1, kLayerLimit, -1);
  o.flash_attn = flash_attention(reader, "flash_attention");
  o.kv_unified = false;  // slots are asked for by number
  o.n_outputs_max = -1;  // llama-server: one row of logits a slot
  if (reader.has("main_gpu")) {
    o.split_mode = LlamaCppOptions::SplitMode::none;
    o.main_gpu = reader.integer_or("main_gpu", 0, kGpuLimit - 1, 0);
  }
  return o;
}

// A share of the model's layers, as a number of layers.
std::int64_t layers_of(double ratio, const Model& model) {
  if (ratio >= 1) return -1;
  return static_cast<std::int64_t>(std::llround(ratio * static_cast<double>(model.layers.size())));
}

LlamaCppOptions read_lm_studio(const ObjectReader& reader, const LlmRequest& llm) {
  reader.only({"name", "contextLength", "evalBatchSize", "gpuRatio", "flashAttention", "offloadKVCacheToGpu",
               "maxParallelPredictions", "useUnifiedKvCache", "numCpuExpertLayersRatio", "llamaKCacheQuantizationType",
               "llamaVCacheQuantizationType"});
  LlamaCppOptions o;
  o.program = LlamaCppOptions::Program::lm_studio;
  o.n_seq_max = reader.integer_or("maxParallelPredictions", 0, kSequencesLimit, 0);
  o.n_ctx = reader.integer_or("contextLength", 0, kContextLimit, 0);
  o.n_batch = o.n_ubatch = reader.integer_or("evalBatchSize", 1, kBatchLimit, 512);
  o.n_gpu_layers = layers_of(reader.number_or("gpuRatio", 0, 1, 1), *llm.model);
  const double experts = reader.number_or("numCpuExpertLayersRatio", 0, 1, 0);
  o.n_cpu_moe = layers_of(experts, *llm.model);
  o.flash_attn = flash_attention(reader, "flashAttention");
  o.offload_kqv = reader.boolean_or("offloadKVCacheToGpu", true);
  o.kv_unified = reader.boolean_or("useUnifiedKvCache", true);
  o.swa_full = true;
  return o;
}

LlamaCppOptions read_koboldcpp(const ObjectReader& reader) {
  reader.only({"name", "contextsize", "batchsize", "blasbatchsize", "gpulayers", "quantkv", "noflashattention",
               "flashattention", "lowvram", "noswa", "moecpu", "tensor_split", "maingpu", "parallelrequests",
               "mmprojcpu"});
  LlamaCppOptions o;
  o.program = LlamaCppOptions::Program::koboldcpp;
  o.n_seq_max = reader.integer_or("parallelrequests", 0, 32, 0);
  o.n_ctx = reader.integer_or("contextsize", 0, kContextLimit, 0);
  if (reader.has("batchsize") && reader.has("blasbatchsize")) {
    refuse("/engine/blasbatchsize", "blasbatchsize is another name of batchsize", shown(*reader.find("blasbatchsize")),
           "one of the two");
  }
  o.n_batch = o.n_ubatch = reader.integer_or(reader.has("batchsize") ? "batchsize" : "blasbatchsize", 16, 4096, 512);
  o.n_gpu_layers = reader.integer_or("gpulayers", -1, kLayerLimit, -1);
  o.flash_attn = !reader.boolean_or("noflashattention", !reader.boolean_or("flashattention", true));
  o.offload_kqv = !reader.boolean_or("lowvram", false);
  o.swa_full = reader.boolean_or("noswa", false);
  o.n_cpu_moe = reader.integer_or("moecpu", -1, kLayerLimit, 0);
  o.tensor_split = shares(reader, "tensor_split");
  o.main_gpu = reader.integer_or("maingpu", 0, kGpuLimit - 1, 0);
  o.mmproj_offload = !reader.boolean_or("mmprojcpu", false);
  return o;
}

}  // namespace

LlamaCppOptions read_llama_cpp(const ObjectReader& reader, const LlmRequest& llm, const CallerRows& rows,
                               LlamaCppOptions::Program program) {
  switch (program) {
    case LlamaCppOptions::Program::ollama: return read_ollama(reader);
    case LlamaCppOptions::Program::lm_studio: return read_lm_studio(reader, llm);
    case LlamaCppOptions::Program::koboldcpp: return read_koboldcpp(reader);
    default: return read_own(reader, rows);
  }
}

}  // namespace vram
