// Storage formats: how many bytes a tensor takes in each, and how whole checkpoints mix them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "vram/bytes.hpp"
#include "vram/model.hpp"
#include "vram/result.hpp"

namespace vram {

// A type that single tensors are stored in: `block_elements` elements take `block_bytes` bytes.
// Rows are padded to whole blocks. Data: core/data/storage.json, compiled into a table.
struct TensorType {
  std::string_view id;      // "q8_0", "bf16", "fp8_e4m3"
  std::string_view name;    // as its own project writes it: "Q8_0"
  std::string_view family;  // "plain", "ggml"
  int block_elements = 1;
  int block_bytes = 1;
  bool kv_cache = false;  // usable for the KV cache in some engine
  std::string_view source;

  constexpr double bytes_per_element() const { return static_cast<double>(block_bytes) / block_elements; }
  constexpr double bits_per_element() const { return 8.0 * block_bytes / block_elements; }
};
std::span<const TensorType> tensor_types();
// By id or alias, any case; nullptr when unknown.
const TensorType* find_tensor_type(std::string_view id);

// Bytes of `elements` elements laid out in rows of `row` elements, each row padded to whole blocks.
Bytes row_bytes(const TensorType& type, std::int64_t row, std::int64_t rows);

// A format for a whole checkpoint: which tensors are stored in which type.
//   plain    every tensor in `type` (norms and biases too)
//   gguf     a llama.cpp file type: per-tensor mix by role, layer and shape
//   mlx     linear layers and embeddings, with a scale and a bias in 16 bits per group
//   awq gptq bnb_int8 bnb_nf4 fp8 fp8_block mxfp4 nvfp4 exl2 exl3 int8 int4 ...: linear layers quantized, rest 16-bit
struct WeightFormat {
  enum class Scheme : std::uint8_t {
    plain,
    gguf,
    awq,
    gptq,
    bnb_int8,
    bnb_nf4,
    fp8_tensor,
    fp8_block,
    mxfp4,
    nvfp4,
    exl,
    mlx,
  };
  std::string_view id;    // "q4_k_m", "awq"
  std::string_view name;  // "Q4_K_M", "AWQ 4-bit"
  Scheme scheme = Scheme::plain;
  const TensorType* type = nullptr;  // plain: the type; gguf: the nominal type
  int bits = 16;                     // of the packed integers (awq, gptq) where a scheme has a choice
  int group_size = 0;                // elements that share a scale; 0 where the scheme fixes it
  bool double_quant = false;         // bnb_nf4: the scales are quantized too
  double bits_per_weight = 0;        // exl: asked for by the caller, 2..8
  double nominal_bpw = 0;            // for models known only by size; see nominal_bits_per_weight
  bool as_stored = false;            // tensors keep the type and bytes of the file they came from, where they have one
  std::string_view source;

  friend bool operator==(const WeightFormat&, const WeightFormat&) = default;
};
std::span<const WeightFormat> weight_formats();
const WeightFormat* find_weight_format(std::string_view id);

// Bytes of one tensor of `model` as stored under `format`, without engine padding.
// `compute_type` is what unquantized tensors stay in (the checkpoint's own 16/32-bit type).
Bytes tensor_bytes(const WeightFormat& format, const Model& model, const Tensor& tensor);

// gguf schemes: the ggml type that llama.cpp's quantizer (no importance matrix) gives this tensor.
const TensorType& gguf_tensor_type(const WeightFormat& format, const Model& model, const Tensor& tensor);

// Average bits per weight for a model of which only the parameter count is known.
double nominal_bits_per_weight(const WeightFormat& format);

}  // namespace vram
