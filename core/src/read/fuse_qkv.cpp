// Query, key and value in one matrix, as some converted files store them.
#include <algorithm>

#include "vram/read.hpp"

namespace vram {

void fuse_qkv(Model& model) {
  std::vector<std::int64_t> widths(model.layers.size(), 0);
  for (const Tensor& tensor : model.tensors) {
    const bool part = tensor.role == Role::attn_q || tensor.role == Role::attn_k || tensor.role == Role::attn_v;
    const bool ours = tensor.part == Part::text && tensor.layer >= 0 &&
                      static_cast<std::size_t>(tensor.layer) < widths.size() &&
                      model.layers[static_cast<std::size_t>(tensor.layer)].attention.has_value();
    if (part && ours) widths[static_cast<std::size_t>(tensor.layer)] += tensor.ne1 * tensor.count;
  }
  const auto fused = [&](const Tensor& tensor) {
    return tensor.part == Part::text && tensor.layer >= 0 && static_cast<std::size_t>(tensor.layer) < widths.size() &&
           widths[static_cast<std::size_t>(tensor.layer)] > 0;
  };
  for (Tensor& tensor : model.tensors) {
    if (tensor.role != Role::attn_q || !fused(tensor)) continue;
    tensor.role = Role::attn_qkv;
    tensor.ne1 = widths[static_cast<std::size_t>(tensor.layer)];
    model.layers[static_cast<std::size_t>(tensor.layer)].attention->fused_qkv = true;
  }
  const auto gone = [&](const Tensor& tensor) {
    return (tensor.role == Role::attn_k || tensor.role == Role::attn_v) && fused(tensor);
  };
  model.tensors.erase(std::remove_if(model.tensors.begin(), model.tensors.end(), gone), model.tensors.end());
}

}  // namespace vram
