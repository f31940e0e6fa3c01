#include <string>

#include "api/write_estimate.hpp"

namespace vram {
namespace {

struct Write {
  JsonWriter& out;

  void operator()(const IdealOptions&) const {}

  void flash(std::string_view key, const LlamaCppOptions& o) const {
    if (o.flash_attn) {
      out.field(key, *o.flash_attn);
    } else {
      out.field(key, std::string_view("auto"));
    }
  }

  void shares(const LlamaCppOptions& o) const {
    out.key("tensor_split").begin_array();
    for (const double share : o.tensor_split) out.value(share);
    out.end_array();
  }

  void ollama(const LlamaCppOptions& o) const {
    out.field("num_ctx", o.n_ctx).field("num_batch", o.n_batch).field("num_gpu", o.n_gpu_layers);
    out.field("num_parallel", o.n_seq_max);
    flash("flash_attention", o);
  }

  void lm_studio(const LlamaCppOptions& o) const {
    out.field("contextLength", o.n_ctx).field("evalBatchSize", o.n_batch).field("n_gpu_layers", o.n_gpu_layers);
    out.field("n_cpu_moe", o.n_cpu_moe).field("maxParallelPredictions", o.n_seq_max);
    flash("flashAttention", o);
    out.field("offloadKVCacheToGpu", o.offload_kqv).field("useUnifiedKvCache", o.kv_unified);
  }

  void koboldcpp(const LlamaCppOptions& o) const {
    out.field("contextsize", o.n_ctx).field("batchsize", o.n_batch).field("gpulayers", o.n_gpu_layers);
    out.field("moecpu", o.n_cpu_moe).field("parallelrequests", o.n_seq_max);
    flash("flashattention", o);
    out.field("lowvram", !o.offload_kqv).field("noswa", o.swa_full);
    shares(o);
  }

  void operator()(const LlamaCppOptions& o) const {
    using Program = LlamaCppOptions::Program;
    if (o.program == Program::ollama) return ollama(o);
    if (o.program == Program::lm_studio) return lm_studio(o);
    if (o.program == Program::koboldcpp) return koboldcpp(o);
    out.field("n_ctx", o.n_ctx).field("n_batch", o.n_batch).field("n_ubatch", o.n_ubatch);
    out.field("n_seq_max", o.n_seq_max).field("n_gpu_layers", o.n_gpu_layers).field("n_cpu_moe", o.n_cpu_moe);
    out.field("n_outputs_max", o.n_outputs_max);
    flash("flash_attn", o);
    out.field("kv_unified", o.kv_unified);
    out.field("swa_full", o.swa_full).field("offload_kqv", o.offload_kqv).field("op_offload", o.op_offload);
    out.field("split_mode",
              o.split_mode == LlamaCppOptions::SplitMode::none ? std::string_view("none") : std::string_view("layer"));
    out.field("main_gpu", o.main_gpu);
    shares(o);
    out.field("mmproj", o.mmproj).field("mmproj_offload", o.mmproj_offload).field("mtp", o.mtp);
  }

  void operator()(const VllmOptions& o) const {
    const VllmVersion& v = o.version;
    const std::string version =
        std::to_string(v.major) + "." + std::to_string(v.minor) + (v.patch < 99 ? "." + std::to_string(v.patch) : "");
    const auto maybe = [&](std::string_view key, const std::optional<bool>& value) {
      if (value) out.field(key, *value);
    };
    out.field("version", std::string_view(version));
    maybe("use_v1", o.use_v1);
    maybe("use_flashinfer_sampler", o.use_flashinfer_sampler);
    out.field("gpu_memory_utilization", o.gpu_memory_utilization);
    out.field("kv_cache_memory_bytes", o.kv_cache_memory_bytes);
    out.field("num_gpu_blocks_override", o.num_gpu_blocks_override);
    out.field("tensor_parallel_size", o.tensor_parallel_size).field("pipeline_parallel_size", o.pipeline_parallel_size);
    out.field("data_parallel_size", o.data_parallel_size);
    out.field("decode_context_parallel_size", o.decode_context_parallel_size);
    out.field("enable_expert_parallel", o.enable_expert_parallel);
    out.field("max_model_len", o.max_model_len).field("max_num_seqs", o.max_num_seqs);
    out.field("max_num_batched_tokens", o.max_num_batched_tokens);
    maybe("enable_chunked_prefill", o.enable_chunked_prefill);
    out.field("block_size", o.block_size);
    out.field("disable_hybrid_kv_cache_manager", o.disable_hybrid_kv_cache_manager);
    out.field("enforce_eager", o.enforce_eager);
    if (!o.cudagraph_capture_sizes.empty()) {
      out.key("cudagraph_capture_sizes").begin_array();
      for (const std::int64_t size : o.cudagraph_capture_sizes) out.value(size);
      out.end_array();
    }
    out.field("cpu_offload_gb", o.cpu_offload_gb).field("swap_space", o.swap_space);
    out.field("enable_lora", o.enable_lora).field("max_loras", o.max_loras).field("max_lora_rank", o.max_lora_rank);
    if (o.speculative_config.method != Speculation::Method::none) {
      constexpr std::string_view kMethods[] = {"none", "ngram", "mtp", "eagle", "draft_model"};
      out.key("speculative_config").begin_object();
      out.field("method", kMethods[static_cast<std::size_t>(o.speculative_config.method)]);
      out.field("num_speculative_tokens", o.speculative_config.num_speculative_tokens);
      if (o.speculative_config.draft) out.field("model", std::string_view(o.speculative_config.draft->name));
      out.end_object();
    }
    if (o.limit_mm_per_prompt >= 0) out.field("limit_mm_per_prompt", o.limit_mm_per_prompt);
    out.field("skip_mm_profiling", o.skip_mm_profiling);
  }

  void operator()(const SglangOptions& o) const {
    out.field("mem_fraction_static", o.mem_fraction_static).field("tp_size", o.tp_size).field("pp_size", o.pp_size);
    out.field("dp_size", o.dp_size).field("ep_size", o.ep_size).field("enable_dp_attention", o.enable_dp_attention);
    out.field("context_length", o.context_length).field("chunked_prefill_size", o.chunked_prefill_size);
    out.field("max_prefill_tokens", o.max_prefill_tokens).field("max_running_requests", o.max_running_requests);
    out.field("max_total_tokens", o.max_total_tokens).field("page_size", o.page_size);
    out.field("cuda_graph_max_bs", o.cuda_graph_max_bs).field("disable_cuda_graph", o.disable_cuda_graph);
    out.field("swa_full_tokens_ratio", o.swa_full_tokens_ratio);
    out.field("mamba_full_memory_ratio", o.mamba_full_memory_ratio).field("disable_radix_cache", o.disable_radix_cache);
  }

  void operator()(const TensorRtLlmOptions& o) const {
    constexpr std::string_view kBackends[] = {"pytorch", "tensorrt"};
    out.field("backend", kBackends[static_cast<std::size_t>(o.backend)]);
    out.field("free_gpu_memory_fraction", o.free_gpu_memory_fraction).field("max_tokens", o.max_tokens);
    out.field("tensor_parallel_size", o.tensor_parallel_size).field("pipeline_parallel_size", o.pipeline_parallel_size);
    out.field("moe_expert_parallel_size", o.moe_expert_parallel_size).field("max_batch_size", o.max_batch_size);
    out.field("max_num_tokens", o.max_num_tokens).field("max_seq_len", o.max_seq_len);
    out.field("max_beam_width", o.max_beam_width).field("tokens_per_block", o.tokens_per_block);
    out.field("cuda_graph", o.cuda_graph);
  }

  void operator()(const TransformersOptions& o) const {
    constexpr std::string_view kAttention[] = {"eager", "sdpa", "flash_attention_2"};
    constexpr std::string_view kCache[] = {"dynamic", "static", "offloaded", "offloaded_static", "quantized"};
    constexpr std::string_view kMap[] = {"auto", "balanced", "balanced_low_0", "sequential"};
    const std::string version = std::to_string(o.version / 100) + "." + std::to_string(o.version % 100);
    out.field("version", std::string_view(version));
    out.field("attn_implementation", kAttention[static_cast<std::size_t>(o.attn_implementation)]);
    out.field("cache_implementation", kCache[static_cast<std::size_t>(o.cache_implementation)]);
    out.field("num_beams", o.num_beams).field("num_return_sequences", o.num_return_sequences);
    out.field("max_new_tokens", o.max_new_tokens).field("prefill_chunk_size", o.prefill_chunk_size);
    out.field("logits_of_whole_prompt", o.logits_of_whole_prompt);
    out.field("nbits", o.nbits).field("q_group_size", o.q_group_size).field("residual_length", o.residual_length);
    out.field("device_map", kMap[static_cast<std::size_t>(o.device_map)]).field("max_memory_gib", o.max_memory_gib);
    out.field("cpu_memory_gib", o.cpu_memory_gib).field("offload_to_disk", o.offload_to_disk);
  }

  void operator()(const MlxOptions& o) const {
    out.field("max_kv_size", o.max_kv_size).field("kv_bits", o.kv_bits).field("kv_group_size", o.kv_group_size);
    out.field("prefill_step_size", o.prefill_step_size);
  }

  void operator()(const ExLlamaOptions& o) const {
    out.field("max_seq_len", o.max_seq_len).field("max_chunk_size", o.max_chunk_size);
    out.field("k_bits", o.k_bits).field("v_bits", o.v_bits).field("flash_attn", o.flash_attn);
  }
};

}  // namespace

void write_options(JsonWriter& out, const EngineOptions& options) {
  out.begin_object();
  std::visit(Write{out}, options);
  out.end_object();
}

}  // namespace vram
