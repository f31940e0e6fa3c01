// Which ggml type llama.cpp's quantizer gives each tensor of a model.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "vram/storage.hpp"

namespace vram {

// The mix of one file type for one model, without importance matrix. Build it once when many tensors are asked for:
// building walks all tensors, asking is a table look-up.
// Source: llama.cpp v0.5.0 (de3ff81), src/llama-quant.cpp.
class GgufMix {
 public:
  // `format.scheme` is gguf. Both must outlive the mix.
  GgufMix(const WeightFormat& format, const Model& model);

  const TensorType& type_of(const Tensor& tensor) const;

 private:
  // How the quantizer groups tensor names; what it asks of a group depends on nothing else.
  enum class Group : std::uint8_t {
    kept,
    output,
    token_embd,
    attn_q,
    attn_k,
    attn_v,
    attn_qkv,
    attn_kv_b,
    attn_output,
    ffn_up,
    ffn_gate,
    ffn_down,
    other
  };
  struct Layer {
    std::int32_t attn_v_before = 0;    // value-like tensors in the layers before this one
    std::int32_t ffn_down_before = 0;  // down projections before this layer
    bool routed_down = false;
  };

  static Group group_of(const Tensor& tensor);
  bool is(std::string_view id) const { return format_.id == id; }
  bool is_one_of(std::initializer_list<std::string_view> ids) const;
  // More bits for the first and last eighth of the layers and every third between.
  bool use_more_bits(std::int64_t i, std::int64_t n) const;
  const TensorType& pick(const Tensor& tensor, Group group) const;
  const TensorType& pick_output(const Tensor& tensor) const;
  const TensorType& pick_low_bit(const Tensor& tensor, Group group) const;
  const TensorType& pick_attn_v(const Tensor& tensor, Group group) const;
  const TensorType& pick_attn_output() const;
  const TensorType& pick_ffn_down(const Tensor& tensor) const;
  std::int64_t attn_v_index(const Tensor& tensor) const;
  std::int64_t ffn_down_counter(const Tensor& tensor) const;

  const WeightFormat& format_;
  std::vector<Layer> layers_;
  std::int64_t attn_v_count_ = 0;
  std::int64_t layer_count_ = 0;  // next-token blocks included, as the quantizer counts
  std::int64_t expert_count_ = 0;
  std::int64_t gqa_ = 0;  // query heads per key head in the first layer; 0 when it has no attention
  bool tied_ = true;
  bool is_70b_ = false;
  bool falcon_ = false;
};

}  // namespace vram
