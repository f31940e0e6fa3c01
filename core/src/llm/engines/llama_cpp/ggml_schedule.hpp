// ggml's scheduler and graph allocator: which device computes each node, what is copied between devices, and how much
// memory each device's buffer takes.
// Source: llama.cpp v0.5.0 (de3ff81), ggml/src/ggml-backend.cpp (ggml_backend_sched_split_graph),
// ggml/src/ggml-alloc.c (ggml_gallocr_alloc_graph_impl), ggml/src/ggml-cuda/ggml-cuda.cu (offload_op, graph_optimize).
#pragma once

#include <vector>

#include "llm/engines/llama_cpp/ggml_graph.hpp"

namespace vram::ggml {

struct Backends {
  int gpus = 1;            // backends 0..gpus-1; the last one, number `gpus`, is the CPU
  bool op_offload = true;  // batches of 32 and more run on the first GPU even when their weights are in RAM
  int copies = 1;          // 4 with pipeline parallelism: every input is kept that often
  Bytes gpu_alignment = 128;
  Bytes host_alignment = 32;
  // The engine's own dry run (no_alloc, as its --fit uses it) resets the scheduler before it splits the graph and so
  // loses where norms were placed by hand; a real load does not.
  bool dry_run = false;
  bool cuda_fusion = true;  // keeps what fused kernels read alive longer
};

struct LeftOut {
  std::int64_t layers = 0;   // a multiple of `pattern`
  std::int64_t pattern = 1;  // layers that repeat as a group
  std::int64_t prefix = 0;   // layers before the first group
};

struct BufferSizes {
  std::vector<Bytes> bytes;  // one per backend, the CPU last
  int splits = 0;
  bool repeats = true;  // false: layers were left out and it is not proven that they change nothing
};

}  // namespace vram::ggml
