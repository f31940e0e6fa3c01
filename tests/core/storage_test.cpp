#include "vram/storage.hpp"

#include <map>
#include <string>

#include "catch.hpp"
#include "llm/engines/llama_cpp/placement.hpp"
#include "storage/gguf_mix.hpp"
#include "vram/read.hpp"

using namespace vram;

namespace {

Model llama_8b() {
  auto model = read_config(R"({"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    "max_position_embeddings": 131072, "torch_dtype": "bfloat16",
    "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                     "original_max_position_embeddings": 8192}})",
                           "");
  REQUIRE(model.ok());
  return *model;
}

// Bytes by type of a whole file.
std::map<std::string, Bytes> by_type(const Model& model, std::string_view format) {
  const GgufMix mix(*find_weight_format(format), model);
  std::map<std::string, Bytes> sums;
  for (const Tensor& tensor : model.tensors) {
    const TensorType& type = mix.type_of(tensor);
    sums[std::string(type.id)] += row_bytes(type, tensor.ne0, tensor.ne1 * tensor.ne2 * tensor.count);
  }
  return sums;
}

}  // namespace

TEST_CASE("ggml blocks have the sizes of ggml-common.h") {
  const auto block = [](std::string_view id) {
    const TensorType* type = find_tensor_type(id);
    REQUIRE(type != nullptr);
    return std::pair(type->block_elements, type->block_bytes);
  };
  CHECK(block("q4_0") == std::pair(32, 18));
  CHECK(block("q8_0") == std::pair(32, 34));
  CHECK(block("q2_k") == std::pair(256, 84));
  CHECK(block("q3_k") == std::pair(256, 110));
  CHECK(block("q4_k") == std::pair(256, 144));
  CHECK(block("q5_k") == std::pair(256, 176));
  CHECK(block("q6_k") == std::pair(256, 210));
  CHECK(block("iq1_m") == std::pair(256, 56));
  CHECK(block("iq4_xs") == std::pair(256, 136));
  CHECK(block("mxfp4") == std::pair(32, 17));
  CHECK(block("nvfp4") == std::pair(64, 36));
  CHECK(block("q1_0") == std::pair(128, 18));
  CHECK(block("q2_0") == std::pair(64, 18));
}

TEST_CASE("rows are padded to whole blocks") {
  CHECK(row_bytes(*find_tensor_type("q8_0"), 33, 2) == 2 * 2 * 34);
  CHECK(row_bytes(*find_tensor_type("f16"), 33, 2) == 132);
}

// The quantizer's own dry run (llama.cpp v0.5.0): bytes by type of Llama 3.1 8B.
TEST_CASE("Llama 3.1 8B in Q4_K_M: the quantizer's own sizes") {
  const auto sums = by_type(llama_8b(), "q4_k_m");
  CHECK(sums.at("q4_k") == 3655139328);
  CHECK(sums.at("q6_k") == 1256693760);
  CHECK(sums.at("f32") == 1065216 - 256);  // the rotary table (256 B) is not part of the checkpoint
}

TEST_CASE("Llama 3.1 8B on one GPU takes what the engine reports") {
  const Model model = llama_8b();
  const llama_cpp::WeightPlan plan = llama_cpp::plan_weights(model, *find_weight_format("q4_k_m"));
  Bytes gpu = plan.output.gpu + plan.tied_head.gpu + llama_cpp::rope_table_bytes(model, true);
  for (const auto& layer : plan.layers) gpu += layer.gpu;
  CHECK(gpu == 4617396480);
  CHECK(plan.input.host == 295501824);  // the embedding stays in RAM
}

TEST_CASE("rows that are no whole blocks fall back") {
  Model model = llama_8b();
  Tensor odd;
  odd.role = Role::ffn_down;
  odd.layer = 5;
  odd.ne0 = 2880;  // a multiple of 32, not of 256
  odd.ne1 = 2880;
  CHECK(gguf_tensor_type(*find_weight_format("q4_k_s"), model, odd).id == "q5_0");
  CHECK(gguf_tensor_type(*find_weight_format("q5_k_s"), model, odd).id == "q5_1");
  CHECK(gguf_tensor_type(*find_weight_format("q6_k"), model, odd).id == "q8_0");
  CHECK(gguf_tensor_type(*find_weight_format("q2_k"), model, odd).id == "q4_0");
  CHECK(gguf_tensor_type(*find_weight_format("iq4_xs"), model, odd).id == "iq4_nl");
  odd.ne0 = 40;  // not even of 32
  CHECK(gguf_tensor_type(*find_weight_format("q4_k_s"), model, odd).id == "f16");
}

TEST_CASE("norms, routers and vectors stay in 32 bits") {
  const Model model = llama_8b();
  Tensor router;
  router.role = Role::ffn_gate_inp;
  router.layer = 0;
  router.ne0 = 4096;
  router.ne1 = 8;
  CHECK(gguf_tensor_type(*find_weight_format("q4_k_m"), model, router).id == "f32");
  router.role = Role::norm;
  router.ne1 = 1;
  CHECK(gguf_tensor_type(*find_weight_format("gguf_f16"), model, router).id == "f32");
}

TEST_CASE("quantized rows that are no multiple of 512 take one padded row more on the GPU") {
  Tensor tensor;
  tensor.ne0 = 2880;
  tensor.ne1 = 10;
  const TensorType& q8_0 = *find_tensor_type("q8_0");
  const Bytes rows = row_bytes(q8_0, 2880, 10), padding = row_bytes(q8_0, 512 - 2880 % 512, 1);
  CHECK(llama_cpp::gpu_tensor_bytes(q8_0, tensor) == round_up(rows + padding, 128));
  CHECK(llama_cpp::gpu_tensor_bytes(*find_tensor_type("f16"), tensor) == 2880 * 10 * 2);
}
