// Sizes of quantized checkpoints against the files their makers published, and matrices by hand.
#include "catch.hpp"
#include "vram/llm.hpp"
#include "vram/read.hpp"
#include "vram/storage.hpp"

using namespace vram;

namespace {

Model model_of(const char* config) {
  Result<Model> model = read_config(config, "/model/config");
  REQUIRE(model.ok());
  return *std::move(model);
}

Model llama_8b() {
  return model_of(R"({"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 14336, "vocab_size": 128256,
    "max_position_embeddings": 131072, "torch_dtype": "bfloat16"})");
}

Bytes matrix(const char* format, std::int64_t in, std::int64_t out) {
  Tensor tensor;
  tensor.role = Role::ffn_up;
  tensor.layer = 0;
  tensor.ne0 = in;
  tensor.ne1 = out;
  return tensor_bytes(*find_weight_format(format), Model{}, tensor);
}

}  // namespace

TEST_CASE("One matrix of 4096 x 14336, counted by hand") {
  const Bytes n = Bytes{4096} * 14336;
  const Bytes groups = 4096 / 128 * Bytes{14336};
  CHECK(matrix("awq", 4096, 14336) == n / 2 + groups * 2 + groups / 2);
  CHECK(matrix("gptq", 4096, 14336) == n / 2 + groups * 2 + groups / 2 + 4096 * 4);
  CHECK(matrix("bnb_int8", 4096, 14336) == n + 14336 * 4);
  CHECK(matrix("bnb_nf4", 4096, 14336) == n / 2 + n / 64 * 4 + 64);
  CHECK(matrix("bnb_nf4_dq", 4096, 14336) == n / 2 + n / 64 + n / 64 / 256 * 4 + 64 + 1028);
  CHECK(matrix("fp8_e4m3", 4096, 14336) == n + 14336 * 4);
  CHECK(matrix("fp8_block", 4096, 14336) == n + 32 * 112 * 4);
  CHECK(matrix("mxfp4", 4096, 14336) == n / 32 * 17);
  CHECK(matrix("nvfp4", 4096, 14336) == n / 16 * 9 + 8);
  CHECK(matrix("exl2", 4096, 14336) == n / 2);
}

// vLLM logs print what the checkpoint takes on the GPU: 8.4927 GiB for an 8B in compressed-tensors FP8, 67.7229 for
// Llama-3.1-70B w8a8, both with a rotary cache of 32 MiB.
TEST_CASE("8-bit Llama checkpoints as servers loaded them") {
  const double gib = static_cast<double>(kGiB);
  const double rotary = 0.03125;
  const WeightFormat& fp8 = *find_weight_format("fp8");
  CHECK(static_cast<double>(weight_bytes(llama_8b(), fp8, Part::text)) / gib + rotary == Approx(8.4927).epsilon(0.001));
  const Model large = model_of(R"({"model_type": "llama", "hidden_size": 8192, "num_hidden_layers": 80,
    "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 28672,
    "vocab_size": 128256, "max_position_embeddings": 131072, "torch_dtype": "bfloat16"})");
  CHECK(static_cast<double>(weight_bytes(large, fp8, Part::text)) / gib + rotary == Approx(67.7229).epsilon(0.001));
}

TEST_CASE("Embedding, head, norms and routers keep their 16 bits") {
  const Model model = llama_8b();
  for (const char* format : {"awq", "gptq", "bnb_nf4", "fp8_block", "nvfp4"}) {
    for (const Tensor& tensor : model.tensors) {
      const bool kept = tensor.layer < 0 || tensor.is_1d();
      const Bytes bytes = tensor_bytes(*find_weight_format(format), model, tensor);
      if (kept) CHECK(bytes == tensor.elements() * 2);
      if (!kept) CHECK(bytes < tensor.elements() * 2);
    }
  }
}

TEST_CASE("MXFP4 quantizes the experts of a mixture and nothing else") {
  const Model model = model_of(R"({"model_type": "gpt_oss", "hidden_size": 2880, "num_hidden_layers": 24,
    "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 2880,
    "num_local_experts": 32, "num_experts_per_tok": 4, "sliding_window": 128, "vocab_size": 201088,
    "max_position_embeddings": 131072, "attention_bias": true, "torch_dtype": "bfloat16",
    "quantization_config": {"quant_method": "mxfp4"}})");
  const Bytes bytes = weight_bytes(model, *find_weight_format("mxfp4"), Part::text);
  const Bytes experts = Bytes{24} * 32 * 3 * 2880 * 2880;
  CHECK(bytes == experts / 32 * 17 + (parameters(model) - experts) * 2);
}

TEST_CASE("Fewer bits never take more") {
  const Model model = llama_8b();
  Bytes before = weight_bytes(model, *find_weight_format("fp32"), Part::text);
  for (const char* format : {"bf16", "fp8", "exl2"}) {
    const Bytes now = weight_bytes(model, *find_weight_format(format), Part::text);
    CHECK(now < before);
    before = now;
  }
  WeightFormat exl = *find_weight_format("exl2");
  before = 0;
  for (const double bits : {2.0, 2.5, 3.0, 4.65, 6.0, 8.0}) {
    exl.bits_per_weight = bits;
    const Bytes now = weight_bytes(model, exl, Part::text);
    CHECK(now > before);
    before = now;
  }
}
