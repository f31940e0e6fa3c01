// A tape: the operations of a stage in order, each with the size of its output and the tensors it reads.
// An allocator rule replays the tape and gives the peak. Compute buffers and activations come from here.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "vram/bytes.hpp"

namespace vram {

using TapeId = std::int32_t;

struct TapeOp {
  static constexpr std::size_t kMaxInputs = 8;

  std::string_view name;  // literal, for explanations
  Bytes bytes = 0;        // size of the output; 0 for views
  TapeId view_of = -1;    // shares the memory of this tensor
  std::array<TapeId, kMaxInputs> input_ids{};
  std::uint8_t input_count = 0;
  bool is_input = false;   // present before the first operation, never overwritten
  bool is_output = false;  // alive until the end
  bool inplace = false;    // may take over the memory of an input of the same size that dies here

  std::span<const TapeId> inputs() const { return {input_ids.data(), input_count}; }
};

class Tape {
 public:
  // A tensor that exists before the first operation (token ids, masks).
  TapeId input(std::string_view name, Bytes bytes);
  // An operation reading `inputs` and writing `bytes`. Precondition: every input id is on this tape, at most 8 of them.
  TapeId op(std::string_view name, Bytes bytes, std::initializer_list<TapeId> inputs);
  // As op, but may run in place (element-wise operations, softmax, rope in ggml).
  TapeId op_inplace(std::string_view name, Bytes bytes, std::initializer_list<TapeId> inputs);
  // Another shape of the same memory.
  TapeId view(std::string_view name, TapeId of);
  // Keeps a tensor alive until the end.
  void mark_output(TapeId id);

  const std::vector<TapeOp>& ops() const { return ops_; }

 private:
  std::vector<TapeOp> ops_;
};

struct Replay {
  Bytes peak_bytes = 0;
  TapeId peak_op = -1;  // the operation during which the peak is first reached
};

// Plain sum of live tensors: a tensor lives from its operation to its last reader. A result that nobody reads and
// that is no output lives during its own operation only. In-place operations take over the memory of an input of the
// same size that dies with them.
Replay replay_live_bytes(const Tape& tape);

// Bytes alive during each operation, by the same rule; 0 during inputs and views. For stages that are told apart by
// where on the tape they are.
std::vector<Bytes> live_during(const Tape& tape);

// ggml's graph allocator (ggml-alloc.c, llama.cpp v0.5.0): in-place reuse, then best fit in one growing buffer.
// Inputs are allocated first; they are freed after their last reader, unless they are outputs too.
// `alignment` is a power of two: 128 for CUDA, 32 for RAM.
Replay replay_ggml(const Tape& tape, Bytes alignment);

// PyTorch's CUDA caching allocator (c10/cuda/CUDACachingAllocator.cpp): 512 B rounding, 2 MiB and 20 MiB segments;
// the peak counts reserved segments.
Replay replay_torch_caching(const Tape& tape);

}  // namespace vram
