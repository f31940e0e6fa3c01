#include "api/write_estimate.hpp"

namespace vram {
namespace {

struct Write {
  JsonWriter& out;

  void operator()(const IdealOptions&) const {}

  void operator()(const LlamaCppOptions& o) const {
    out.field("n_ctx", o.n_ctx).field("n_batch", o.n_batch).field("n_ubatch", o.n_ubatch);
    out.field("n_seq_max", o.n_seq_max).field("n_gpu_layers", o.n_gpu_layers).field("n_cpu_moe", o.n_cpu_moe);
    out.field("n_outputs_max", o.n_outputs_max).field("flash_attn", o.flash_attn).field("kv_unified", o.kv_unified);
    out.field("swa_full", o.swa_full).field("offload_kqv", o.offload_kqv).field("op_offload", o.op_offload);
  }

  void operator()(const VllmOptions& o) const {
    out.field("gpu_memory_utilization", o.gpu_memory_utilization);
    out.field("tensor_parallel_size", o.tensor_parallel_size).field("pipeline_parallel_size", o.pipeline_parallel_size);
    out.field("max_model_len", o.max_model_len).field("max_num_seqs", o.max_num_seqs);
    out.field("max_num_batched_tokens", o.max_num_batched_tokens);
    out.field("block_size", o.block_size).field("enforce_eager", o.enforce_eager);
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
};

}  // namespace

void write_options(JsonWriter& out, const EngineOptions& options) {
  out.begin_object();
  std::visit(Write{out}, options);
  out.end_object();
}

}  // namespace vram
