// vLLM 0.11: vllm/v1/worker/gpu_model_runner.py (profile_run, _dummy_sampler_run with top-k and top-p),
// vllm/v1/sample/ops/topk_topp_sampler.py; FlashInfer's sampling.py, top_k_top_p_sampling_from_logits, masks a copy of
// the logits and draws from their probabilities.
// What the sort takes: pytorch/pytorch aten/src/ATen/native/cuda/SortStable.cu. Checked on the peak activation of 17
// start-up logs (vLLM 0.6.4 to 0.11, 128 to 1024 sequences, vocabularies of 128,256 to 262,208): within 1 % in 15.
#include "llm/engines/vllm_activations.hpp"

#include <algorithm>

#include "llm/decoder_tape.hpp"
#include "vram/tape.hpp"

namespace vram {
namespace {

constexpr Bytes kActivation = 2;  // bytes: vLLM computes in 16 bits, 32-bit checkpoints included

std::int64_t sampled_rows(const VllmOptions& options) {
  return std::min(options.max_num_seqs, options.max_num_batched_tokens);
}

}  // namespace

Bytes forward_peak_bytes(const Model& model, const VllmOptions& o, std::int64_t first, std::int64_t last) {
  const std::int64_t dp = o.data_parallel_size;
  const DecoderPass pass{o.max_num_batched_tokens, o.tensor_parallel_size, mul(o.max_num_batched_tokens, dp),
                         o.enable_expert_parallel ? 1 : mul(o.tensor_parallel_size, dp)};
  return decoder_peak_bytes(model, pass, first, last);
}

Bytes sampler_peak_bytes(const Model& model, const VllmOptions& options, VllmSampler sampler) {
  const std::int64_t rows = sampled_rows(options);
  const Bytes elements = mul(rows, model.vocab_size);
  Tape tape;
  const TapeId hidden =
      tape.input("hidden_states", product({options.max_num_batched_tokens, model.hidden_size, kActivation}));
  const TapeId last = tape.op("last hidden states", product({rows, model.hidden_size, kActivation}), {hidden});
  const TapeId logits = tape.op("logits", mul(elements, kActivation), {last});
  const TapeId logits32 = tape.op("logits in 32 bits", mul(elements, 4), {logits});
  for (const TapeId kept : {hidden, last, logits, logits32}) tape.mark_output(kept);
  if (sampler == VllmSampler::in_place) {
    const TapeId masked = tape.op("masked logits", mul(elements, 4), {logits32});
    const TapeId drawn = tape.op("probabilities", mul(elements, 4), {masked});
    tape.mark_output(masked);
    tape.mark_output(drawn);
    return replay_live_bytes(tape).peak_bytes;
  }
  const TapeId values = tape.op("sorted values", mul(elements, 4), {logits32});
  const TapeId indices = tape.op("sorted indices", mul(elements, 8), {logits32});
  // From 128 rows on a segmented radix sort: int64 source indices and a second buffer for keys and indices.
  // Fewer rows are sorted as one: two buffers of (index, segment) and one of keys besides.
  const TapeId source = tape.op("sort: source indices", mul(elements, 8), {logits32});
  const TapeId other = tape.op("sort: second buffers", mul(elements, rows >= 128 ? 0 : 12), {source});
  tape.op("sort: scratch", mul(elements, 12), {logits32, values, indices, source, other});
  for (const TapeId kept : {values, indices, source, other}) tape.mark_output(kept);
  return replay_live_bytes(tape).peak_bytes;
}

Bytes logits_bytes(const Model& model, const VllmOptions& options) {
  const std::int64_t rows = sampled_rows(options);
  return add(mul(mul(rows, model.vocab_size), kActivation + 4),
             product({options.max_num_batched_tokens, model.hidden_size, kActivation}));
}

Bytes cublas_workspace_bytes(const Gpu& gpu) {
  // pytorch/pytorch aten/src/ATen/cuda/CublasHandlePool.cpp: 32 MiB from compute capability 9.0, else 8 MiB and 128
  // KiB.
  const bool large =
      gpu.compute_capability.size() > 3 || (!gpu.compute_capability.empty() && gpu.compute_capability[0] >= '9');
  return large ? 32 * kMiB : 8 * kMiB + 128 * kKiB;
}

}  // namespace vram
