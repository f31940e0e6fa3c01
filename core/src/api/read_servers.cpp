// "engine" of vLLM, SGLang and TensorRT-LLM: their own options by their own names.
#include "api/read_servers.hpp"

#include "vram/solve.hpp"

namespace vram {
namespace {

constexpr std::int64_t kBatchLimit = std::int64_t{1} << 24;
constexpr std::int64_t kParallelLimit = 64;  // as many as GPUs in a machine
constexpr std::int64_t kMostSizes = 1024;    // captured graphs

std::optional<bool> maybe(const ObjectReader& reader, std::string_view key) {
  if (!reader.has(key)) return std::nullopt;
  return reader.boolean_or(key, false);
}

VllmVersion read_version(const ObjectReader& reader) {
  if (!reader.has("version")) return VllmVersion{};
  const std::string text = reader.string("version");
  const std::optional<VllmVersion> version = parse_vllm_version(text);
  if (!version) {
    refuse(reader.path_of("version"), "this is no release of vLLM", shown(*reader.find("version")),
           "a text like \"0.8.5\", from \"0.6\" to \"0.30\"");
  }
  return *version;
}

std::vector<std::int64_t> read_sizes(const ObjectReader& reader) {
  std::vector<std::int64_t> sizes;
  const Json* json = reader.find("cudagraph_capture_sizes");
  if (json == nullptr) return sizes;
  const std::string path = reader.path_of("cudagraph_capture_sizes");
  if (!json->is_array() || json->empty() || json->size() > static_cast<std::size_t>(kMostSizes)) {
    refuse(path, "cudagraph_capture_sizes must be a list of batch sizes", shown(*json),
           "a list of 1 to 1024 sizes; enforce_eager captures none");
  }
  for (std::size_t i = 0; i < json->size(); ++i) {
    const Json& size = (*json)[i];
    if (!size.is_number_integer() || size.get<double>() < 1 || size.get<double>() > static_cast<double>(kBatchLimit)) {
      refuse(path_at(path, i), "a captured batch size must be a whole number", shown(size), "1 to 16777216");
    }
    sizes.push_back(size.get<std::int64_t>());
  }
  return sizes;
}

Speculation read_speculation(const ObjectReader& engine, const CallerRows& rows) {
  Speculation speculation;
  const Json* json = engine.find("speculative_config");
  if (json == nullptr) return speculation;
  const ObjectReader reader(*json, engine.path_of("speculative_config"));
  reader.only({"method", "num_speculative_tokens", "model"});
  using Method = Speculation::Method;
  const std::size_t method = reader.choice_or("method", {"ngram", "mtp", "eagle", "draft_model"}, 4);
  if (method == 4) {
    refuse(reader.path_of("method"), "method is missing", "", "one of: ngram, mtp, eagle, draft_model");
  }
  speculation.method = static_cast<Method>(method + 1);
  speculation.num_speculative_tokens = reader.integer_or("num_speculative_tokens", 1, 64, 0);
  const bool wants_model = speculation.method == Method::eagle || speculation.method == Method::draft_model;
  if (wants_model != reader.has("model")) {
    refuse(reader.path_of("model"), wants_model ? "the draft model is missing" : "this method has no draft model", "",
           wants_model ? R"(one of {"id": "..."}, {"config": {...}}, {"manual": {...}})" : "no model");
  }
  if (wants_model) speculation.draft = std::make_shared<const Model>(read_model(reader, rows));
  return speculation;
}

}  // namespace

bool is_server(const EngineOptions& engine) {
  return std::holds_alternative<VllmOptions>(engine) || std::holds_alternative<SglangOptions>(engine) ||
         std::holds_alternative<TensorRtLlmOptions>(engine);
}

VllmOptions read_vllm(const ObjectReader& reader, const CallerRows& rows) {
  reader.only({"name",
               "version",
               "use_v1",
               "use_flashinfer_sampler",
               "gpu_memory_utilization",
               "kv_cache_memory_bytes",
               "num_gpu_blocks_override",
               "tensor_parallel_size",
               "pipeline_parallel_size",
               "data_parallel_size",
               "decode_context_parallel_size",
               "enable_expert_parallel",
               "max_model_len",
               "max_num_seqs",
               "max_num_batched_tokens",
               "enable_chunked_prefill",
               "kv_cache_dtype",
               "block_size",
               "disable_hybrid_kv_cache_manager",
               "enforce_eager",
               "cudagraph_capture_sizes",
               "cpu_offload_gb",
               "swap_space",
               "enable_lora",
               "max_loras",
               "max_lora_rank",
               "speculative_config",
               "limit_mm_per_prompt",
               "skip_mm_profiling"});
  VllmOptions o;
  o.version = read_version(reader);
  o.use_v1 = maybe(reader, "use_v1");
  o.use_flashinfer_sampler = maybe(reader, "use_flashinfer_sampler");
  o.gpu_memory_utilization = reader.number_or("gpu_memory_utilization", 0.01, 1, o.gpu_memory_utilization);
  o.kv_cache_memory_bytes = reader.integer_or("kv_cache_memory_bytes", 0, kRefusedBytes, o.kv_cache_memory_bytes);
  o.num_gpu_blocks_override =
      reader.integer_or("num_gpu_blocks_override", 0, std::int64_t{1} << 32, o.num_gpu_blocks_override);
  o.tensor_parallel_size = reader.integer_or("tensor_parallel_size", 0, kParallelLimit, o.tensor_parallel_size);
  o.pipeline_parallel_size = reader.integer_or("pipeline_parallel_size", 1, kParallelLimit, o.pipeline_parallel_size);
  o.data_parallel_size = reader.integer_or("data_parallel_size", 1, kParallelLimit, o.data_parallel_size);
  o.decode_context_parallel_size =
      reader.integer_or("decode_context_parallel_size", 1, kParallelLimit, o.decode_context_parallel_size);
  o.enable_expert_parallel = reader.boolean_or("enable_expert_parallel", o.enable_expert_parallel);
  o.max_model_len = reader.integer_or("max_model_len", 0, kContextLimit, o.max_model_len);
  o.max_num_seqs = reader.integer_or("max_num_seqs", 1, kSequencesLimit, o.max_num_seqs);
  o.max_num_batched_tokens = reader.integer_or("max_num_batched_tokens", 0, kBatchLimit, o.max_num_batched_tokens);
  o.enable_chunked_prefill = maybe(reader, "enable_chunked_prefill");
  o.block_size = reader.integer_or("block_size", 1, 65'536, o.block_size);
  o.disable_hybrid_kv_cache_manager =
      reader.boolean_or("disable_hybrid_kv_cache_manager", o.disable_hybrid_kv_cache_manager);
  o.enforce_eager = reader.boolean_or("enforce_eager", o.enforce_eager);
  o.cudagraph_capture_sizes = read_sizes(reader);
  o.cpu_offload_gb = reader.number_or("cpu_offload_gb", 0, 1e6, o.cpu_offload_gb);
  o.swap_space = reader.number_or("swap_space", 0, 1e6, o.swap_space);
  o.enable_lora = reader.boolean_or("enable_lora", o.enable_lora);
  o.max_loras = reader.integer_or("max_loras", 1, 4096, o.max_loras);
  o.max_lora_rank = reader.integer_or("max_lora_rank", 1, 4096, o.max_lora_rank);
  o.speculative_config = read_speculation(reader, rows);
  o.limit_mm_per_prompt = reader.integer_or("limit_mm_per_prompt", 0, 65'536, o.limit_mm_per_prompt);
  o.skip_mm_profiling = reader.boolean_or("skip_mm_profiling", o.skip_mm_profiling);
  return o;
}

SglangOptions read_sglang(const ObjectReader& reader) {
  reader.only({"name", "mem_fraction_static", "tp_size", "pp_size", "dp_size", "ep_size", "enable_dp_attention",
               "context_length", "chunked_prefill_size", "max_prefill_tokens", "max_running_requests",
               "max_total_tokens", "kv_cache_dtype", "page_size", "cuda_graph_max_bs", "disable_cuda_graph",
               "swa_full_tokens_ratio", "mamba_full_memory_ratio", "disable_radix_cache"});
  SglangOptions o;
  o.mem_fraction_static = reader.number_or("mem_fraction_static", 0.01, 1, o.mem_fraction_static);
  o.tp_size = reader.integer_or("tp_size", 0, kParallelLimit, o.tp_size);
  o.pp_size = reader.integer_or("pp_size", 1, kParallelLimit, o.pp_size);
  o.dp_size = reader.integer_or("dp_size", 1, kParallelLimit, o.dp_size);
  o.ep_size = reader.integer_or("ep_size", 1, kParallelLimit, o.ep_size);
  o.enable_dp_attention = reader.boolean_or("enable_dp_attention", o.enable_dp_attention);
  o.context_length = reader.integer_or("context_length", 0, kContextLimit, o.context_length);
  o.chunked_prefill_size = reader.integer_or("chunked_prefill_size", -1, kBatchLimit, o.chunked_prefill_size);
  o.max_prefill_tokens = reader.integer_or("max_prefill_tokens", 1, kBatchLimit, o.max_prefill_tokens);
  o.max_running_requests = reader.integer_or("max_running_requests", 0, kSequencesLimit, o.max_running_requests);
  o.max_total_tokens = reader.integer_or("max_total_tokens", 0, std::int64_t{1} << 40, o.max_total_tokens);
  o.page_size = reader.integer_or("page_size", 1, 4096, o.page_size);
  o.cuda_graph_max_bs = reader.integer_or("cuda_graph_max_bs", 0, kSequencesLimit, o.cuda_graph_max_bs);
  o.disable_cuda_graph = reader.boolean_or("disable_cuda_graph", o.disable_cuda_graph);
  o.swa_full_tokens_ratio = reader.number_or("swa_full_tokens_ratio", 0.001, 1, o.swa_full_tokens_ratio);
  o.mamba_full_memory_ratio = reader.number_or("mamba_full_memory_ratio", 0.001, 1000, o.mamba_full_memory_ratio);
  o.disable_radix_cache = reader.boolean_or("disable_radix_cache", o.disable_radix_cache);
  return o;
}

TensorRtLlmOptions read_tensorrt_llm(const ObjectReader& reader) {
  reader.only({"name", "backend", "free_gpu_memory_fraction", "max_tokens", "tensor_parallel_size",
               "pipeline_parallel_size", "moe_expert_parallel_size", "max_batch_size", "max_num_tokens", "max_seq_len",
               "max_beam_width", "tokens_per_block", "cuda_graph"});
  TensorRtLlmOptions o;
  o.backend = static_cast<TensorRtLlmOptions::Backend>(
      reader.choice_or("backend", {"pytorch", "tensorrt"}, static_cast<std::size_t>(o.backend)));
  o.free_gpu_memory_fraction = reader.number_or("free_gpu_memory_fraction", 0.01, 1, o.free_gpu_memory_fraction);
  o.max_tokens = reader.integer_or("max_tokens", 0, std::int64_t{1} << 40, o.max_tokens);
  o.tensor_parallel_size = reader.integer_or("tensor_parallel_size", 0, kParallelLimit, o.tensor_parallel_size);
  o.pipeline_parallel_size = reader.integer_or("pipeline_parallel_size", 1, kParallelLimit, o.pipeline_parallel_size);
  o.moe_expert_parallel_size =
      reader.integer_or("moe_expert_parallel_size", 0, kParallelLimit, o.moe_expert_parallel_size);
  o.max_batch_size = reader.integer_or("max_batch_size", 1, kSequencesLimit, o.max_batch_size);
  o.max_num_tokens = reader.integer_or("max_num_tokens", 1, kBatchLimit, o.max_num_tokens);
  o.max_seq_len = reader.integer_or("max_seq_len", 0, kContextLimit, o.max_seq_len);
  o.max_beam_width = reader.integer_or("max_beam_width", 1, 1024, o.max_beam_width);
  o.tokens_per_block = reader.integer_or("tokens_per_block", 1, 4096, o.tokens_per_block);
  o.cuda_graph = reader.boolean_or("cuda_graph", o.cuda_graph);
  return o;
}

}  // namespace vram
