#include <algorithm>
#include <cmath>
#include <optional>

#include "llm/parts.hpp"
#include "storage/gguf_mix.hpp"

namespace vram {

Bytes stored_bytes(const WeightFormat& format, const Model& model, const Tensor& tensor) {
  if (tensor.role != Role::opaque || format.scheme == WeightFormat::Scheme::plain) {
    return tensor_bytes(format, model, tensor);
  }
  // A model known only by its parameter count: there are no rows to pad and no roles to tell apart.
  const double bytes = static_cast<double>(tensor.elements()) * nominal_bits_per_weight(format) / 8;
  return bytes >= static_cast<double>(kMaxBytes) ? kMaxBytes : static_cast<Bytes>(std::ceil(bytes));
}

Bytes weight_bytes(const Model& model, const WeightFormat& format, Part part) {
  Bytes sum = part == Part::tower ? model.opaque_bytes : 0;
  std::optional<GgufMix> mix;  // built once: it walks the whole model
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part != part) continue;
    if (format.scheme == WeightFormat::Scheme::gguf && tensor.role != Role::opaque) {
      if (!mix) mix.emplace(format, model);
      sum = add(sum, row_bytes(mix->type_of(tensor), tensor.ne0, product({tensor.ne1, tensor.ne2, tensor.count})));
    } else {
      sum = add(sum, stored_bytes(format, model, tensor));
    }
  }
  return sum;
}

int compute_bytes(const Model& model) { return model.torch_dtype == "f32" ? 4 : 2; }

bool has_experts(const Model& model) {
  return std::any_of(model.layers.begin(), model.layers.end(), [](const Layer& l) { return l.experts.has_value(); });
}

}  // namespace vram
