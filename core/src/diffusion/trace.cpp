#include "diffusion/trace.hpp"

#include <algorithm>

namespace vram::diffusion {
namespace {

// Blocks are run twice at most: a million tensors is a hundred times the largest known model.
constexpr std::size_t kMostTensors = 1'000'000;

}  // namespace

Tensor::Tensor(Trace* trace, std::int32_t storage, const Shape& shape, DType dtype, bool contiguous)
    : trace_(trace), storage_(storage), shape_(shape), dtype_(dtype), contiguous_(contiguous) {
  trace_->add_name(storage_);
}

Tensor::Tensor(const Tensor& other)
    : trace_(other.trace_),
      storage_(other.storage_),
      shape_(other.shape_),
      dtype_(other.dtype_),
      contiguous_(other.contiguous_) {
  if (trace_ != nullptr) trace_->add_name(storage_);
}

Tensor::Tensor(Tensor&& other) noexcept
    : trace_(other.trace_),
      storage_(other.storage_),
      shape_(other.shape_),
      dtype_(other.dtype_),
      contiguous_(other.contiguous_) {
  other.trace_ = nullptr;
}

Tensor& Tensor::operator=(const Tensor& other) {
  Tensor fresh(other);
  return *this = std::move(fresh);
}

Tensor& Tensor::operator=(Tensor&& other) noexcept {
  if (this == &other) return *this;
  reset();
  trace_ = other.trace_;
  storage_ = other.storage_;
  shape_ = other.shape_;
  dtype_ = other.dtype_;
  contiguous_ = other.contiguous_;
  other.trace_ = nullptr;
  return *this;
}

void Tensor::reset() {
  if (trace_ == nullptr) return;
  trace_->drop_name(storage_);
  trace_ = nullptr;
}

Tensor Tensor::view(const Shape& shape, bool contiguous) const {
  return Tensor(trace_, storage_, shape, dtype_, contiguous);
}

Tensor Trace::make(const Shape& shape, DType dtype, std::string_view name) {
  for (int i = 0; i < shape.rank(); ++i) require(shape[i] >= 0, "its sizes do not fit together");
  require(slots_.size() < kMostTensors, "it has more layers than any known model");
  const Bytes bytes = mul(shape.count(), size_of(dtype));
  Slot slot;
  slot.bytes = bytes;
  if (rules_.record) slot.id = tape_.op(name, bytes, {});
  slots_.push_back(slot);
  live_ = add(live_, bytes);
  if (live_ > peak_) {
    peak_ = live_;
    peak_name_ = name;
  }
  return Tensor(this, static_cast<std::int32_t>(slots_.size()) - 1, shape, dtype, true);
}

Tensor Trace::weight(const Shape& shape, DType dtype) { return Tensor(this, -1, shape, dtype, true); }

Tensor Trace::scratch(Bytes bytes) { return make({bytes}, DType::u8, "convolution layout copies"); }

void Trace::drop_name(std::int32_t storage) {
  if (storage < 0) return;
  Slot& slot = slots_[static_cast<std::size_t>(storage)];
  if (--slot.names > 0) return;
  live_ -= slot.bytes;
  // On the tape a tensor lives until its last reader: giving it back is an operation without a result.
  if (slot.id >= 0) tape_.op("release", 0, {slot.id});
}

void Trace::count_linear(Size in, Size out, bool bias) {
  const Size weight = mul(in, out);
  const Size all = weight + (bias ? out : 0);
  weights_.parameters += mul(all, times_);
  weights_.linear += mul(weight, times_);
  weights_.linear_span += mul(in + out, times_);
  if (in_norm) weights_.linear_in_norm += mul(weight, times_);
  weights_.largest_leaf = std::max(weights_.largest_leaf, all);
}

void Trace::count(Size parameters) {
  weights_.parameters += mul(parameters, times_);
  weights_.largest_leaf = std::max(weights_.largest_leaf, parameters);
}

void Trace::note_stack(std::string_view name, Size n, Size all, Size largest) {
  if (times_ == 0) return;
  for (WeightCount::Stack& known : weights_.stacks) {
    if (known.name != name) continue;
    known.count += n;
    known.parameters += all;
    known.largest = std::max(known.largest, largest);
    return;
  }
  weights_.stacks.push_back({name, n, all, largest});
}

}  // namespace vram::diffusion
