#include "vram/model.hpp"

namespace vram {

std::int64_t parameters(const Model& model, Part part) {
  std::int64_t sum = 0;
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part == part) sum += tensor.elements();
  }
  return sum;
}

std::int64_t parameters(const Model& model) {
  std::int64_t sum = 0;
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part != Part::mtp) sum += tensor.elements();
  }
  return sum;
}

std::int64_t active_parameters(const Model& model) {
  std::int64_t sum = 0;
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part != Part::mtp) sum += tensor.active_elements();
  }
  return sum;
}

}  // namespace vram
