// Which layer lives on which device, and what its weights take there.
// Source: llama.cpp v0.5.0 (de3ff81), src/llama-model.cpp (load_tensors), src/llama-arch.cpp (tensor infos),
// ggml/src/ggml-cuda/ggml-cuda.cu (get_alloc_size), ggml/src/ggml-alloc.c (128-byte alignment).
#pragma once

#include <cstdint>
#include <vector>

#include "llm/engines/llama_cpp/settings.hpp"
#include "vram/llm.hpp"

namespace vram::llama_cpp {

inline constexpr int kOnHost = -1;

// Weights of one place: as a GPU buffer pads them, and as they are in the file.
struct WeightBytes {
  Bytes gpu = 0;
  Bytes host = 0;
};

// Per layer and outside the layers; independent of context and batch, so that a sweep computes it once.
struct WeightPlan {
  std::vector<WeightBytes> layers;   // without the routed experts
  std::vector<WeightBytes> experts;  // routed experts
  WeightBytes input;                 // embeddings: always in RAM
  WeightBytes output;                // output norm and head
  WeightBytes tied_head;             // the copy of token_embd that a model without a head of its own loads as one
  const TensorType* head_type = nullptr;
  const TensorType* embd_type = nullptr;
  const TensorType* per_layer_embd_type = nullptr;  // Gemma 3n

  // The type of one of a layer's matrices; F16 when the model does not list it.
  const TensorType& type_of(std::size_t layer, Role role) const;
  struct RoleType {
    Role role;
    const TensorType* type;
  };
  std::vector<RoleType> types;          // grouped by layer
  std::vector<std::int32_t> types_end;  // one per layer
};
WeightPlan plan_weights(const Model& model, const WeightFormat& format);

// Bytes of `tensor` in a GPU buffer: rows of quantized types are padded to 512 elements, tensors to 128 bytes.
Bytes gpu_tensor_bytes(const TensorType& type, const Tensor& tensor);

// Tables of rotary frequency factors, F32, as one device holds them.
Bytes rope_table_bytes(const Model& model, bool on_gpu);

struct Placement {
  std::vector<int> layer;  // GPU, counted from first_gpu, or kOnHost
  int output = kOnHost;
  int gpus = 0;       // all of them have a compute buffer, even without a layer
  int first_gpu = 0;  // number of the first one in the machine
};
// `count` GPUs, split by layer in equal shares or those of tensor_split.
Placement place_layers(const Model& model, const Settings& settings, int count);

}  // namespace vram::llama_cpp
