// How many bytes a weight of a linear layer takes once quantized, in the libraries that diffusers can use.
#include "vram/diffusion.hpp"

namespace vram::diffusion {

const std::vector<Quantization>& quantizations() {
  static const std::vector<Quantization> rows = {
      {"bnb_int8", "bitsandbytes LLM.int8()", 1, 1,
       "bitsandbytes 0.48, nn/modules.py Int8Params: int8 and one FP32 scale a row"},
      {"bnb_nf4", "bitsandbytes NF4", 0.5625, 1,
       "bitsandbytes 0.48, functional.py quantize_4bit: 4 bits and one FP32 scale per 64 weights"},
      {"bnb_nf4_double", "bitsandbytes NF4, double quantization", 0.5 + 1.0 / 64 + 4.0 / (64 * 256), 1,
       "bitsandbytes 0.48, functional.py: scales in 8 bits, blocks of 256"},
      {"torchao_int8", "torchao int8 weights", 1, 1, "torchao 0.14, Int8WeightOnlyConfig: int8 and one scale a row"},
      {"torchao_int8_dynamic", "torchao int8 weights, dynamic activations", 1, 0,
       "torchao 0.14, Int8DynamicActivationInt8WeightConfig"},
      {"torchao_int4", "torchao int4 weights, groups of 128", 0.5 + 4.0 / 128, 0,
       "torchao 0.14, Int4WeightOnlyConfig: 4 bits, scale and zero in BF16 per group"},
      {"torchao_int4_dynamic", "torchao int4 weights, dynamic activations", 1, 0,
       "torchao 0.7, Int8DynamicActivationInt4WeightConfig: 4-bit values kept one to a byte"},
      {"torchao_fp8", "torchao FP8", 1, 0, "torchao 0.14, Float8WeightOnlyConfig and its dynamic forms"},
      {"torchao_fp6", "torchao FP6", 0.75, 1, "torchao 0.7, fpx_weight_only(3, 2)"},
      {"torchao_fp5", "torchao FP5", 0.625, 1, "torchao 0.7, fpx_weight_only(2, 2)"},
      {"torchao_fp4", "torchao FP4", 0.5, 1, "torchao 0.7, fpx_weight_only(2, 1)"},
      {"quanto_int8", "quanto int8", 1, 1, "optimum-quanto 0.2.7, qint8: one scale a row"},
      {"quanto_fp8", "quanto FP8", 1, 1, "optimum-quanto 0.2.7, qfloat8"},
      {"quanto_int4", "quanto int4", 0.5 + 4.0 / 128, 1, "optimum-quanto 0.2.7, qint4: groups of 128, scale and shift"},
      {"svdquant_int4", "SVDQuant INT4 (Nunchaku)", 0.5 + 2.0 / 64 + 0.0417, 0,
       "nunchaku 1.0: 4 bits, one 16-bit scale per 64 weights, low-rank branch of rank 32 in 16 bits (at width 3072)"},
      {"svdquant_fp4", "SVDQuant NVFP4 (Nunchaku)", 0.5 + 1.0 / 16 + 0.0417, 0,
       "nunchaku 1.0: 4 bits, one FP8 scale per 16 weights, low-rank branch of rank 32 in 16 bits (at width 3072)"},
      {"fp8", "FP8 storage", 1, 1, "weights stored in float8_e4m3fn, cast layer by layer"},
      {"gguf_q8_0", "GGUF Q8_0", 34.0 / 32, 1, "ggml-common.h block_q8_0: 34 B per 32 weights"},
      {"gguf_q6_k", "GGUF Q6_K", 210.0 / 256, 1, "ggml-common.h block_q6_K: 210 B per 256 weights"},
      {"gguf_q5_1", "GGUF Q5_1", 24.0 / 32, 1, "ggml-common.h block_q5_1: 24 B per 32 weights"},
      {"gguf_q5_0", "GGUF Q5_0", 22.0 / 32, 1, "ggml-common.h block_q5_0: 22 B per 32 weights"},
      {"gguf_q5_k", "GGUF Q5_K", 176.0 / 256, 1, "ggml-common.h block_q5_K: 176 B per 256 weights"},
      {"gguf_q4_1", "GGUF Q4_1", 20.0 / 32, 1, "ggml-common.h block_q4_1: 20 B per 32 weights"},
      {"gguf_q4_0", "GGUF Q4_0", 18.0 / 32, 1, "ggml-common.h block_q4_0: 18 B per 32 weights"},
      {"gguf_q4_k", "GGUF Q4_K", 144.0 / 256, 1, "ggml-common.h block_q4_K: 144 B per 256 weights"},
      {"gguf_q3_k", "GGUF Q3_K", 110.0 / 256, 1, "ggml-common.h block_q3_K: 110 B per 256 weights"},
      {"gguf_q2_k", "GGUF Q2_K", 84.0 / 256, 1, "ggml-common.h block_q2_K: 84 B per 256 weights"},
  };
  return rows;
}

}  // namespace vram::diffusion
