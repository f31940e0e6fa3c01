// The schemes behind tensor_bytes() that are more than one type for all.
#pragma once

#include "vram/storage.hpp"

namespace vram {

// awq, gptq, bnb_*, fp8_*, mxfp4, nvfp4, exl: linear layers of the text model quantized with their scales, rest 16-bit.
Bytes quantizer_tensor_bytes(const WeightFormat& format, const Model& model, const Tensor& tensor);

}  // namespace vram
