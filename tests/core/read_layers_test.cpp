// Layers and tensors of single families, by hand.
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "catch.hpp"
#include "read/config.hpp"
#include "vram/catalogue.hpp"
#include "vram/read.hpp"

using namespace vram;

namespace {

Json config_of(const std::string& id) {
  const CatalogueRow* row = find_row(model_rows(), id);
  INFO(id);
  REQUIRE(row != nullptr);
  return Json::parse(row->json).at("config");
}

Model model_of(const std::string& id) { return read_config(config_of(id), "/model/config"); }

std::int64_t count_of(const Model& model, Role role, Part part = Part::text) {
  std::int64_t count = 0;
  for (const Tensor& tensor : model.tensors) count += tensor.role == role && tensor.part == part ? tensor.count : 0;
  return count;
}

const Tensor& first_of(const Model& model, Role role) {
  for (const Tensor& tensor : model.tensors) {
    if (tensor.role == role) return tensor;
  }
  FAIL("no tensor " << name_of(role));
  return model.tensors.front();
}

int layers_with(const Model& model, Span span) {
  int count = 0;
  for (const Layer& layer : model.layers) count += layer.attention && layer.attention->span == span;
  return count;
}

std::int64_t cache_width(const Model& model, Span span) {
  std::int64_t width = 0;
  for (const Layer& layer : model.layers) {
    if (!layer.attention || !layer.attention->caches || layer.attention->span != span) continue;
    width += layer.attention->num_key_value_heads * (layer.attention->head_dim + layer.attention->v_head_dim);
  }
  return width;
}

}  // namespace

TEST_CASE("Llama 3.1 8B") {
  const Model model = model_of("llama-3.1-8b");
  CHECK(model.gguf_arch == "llama");
  CHECK(model.torch_dtype == "bf16");
  CHECK(model.native_weights == "bf16");
  CHECK(model.max_position_embeddings == 131072);
  CHECK(model.warnings.empty());
  REQUIRE(model.layers.size() == 32);
  const Attention& attention = *model.layers[31].attention;
  CHECK(attention.num_attention_heads == 32);
  CHECK(attention.num_key_value_heads == 8);
  CHECK(attention.head_dim == 128);
  CHECK(attention.v_head_dim == 128);
  CHECK(!attention.bias);
  CHECK(model.layers[0].ffn->intermediate_size == 14336);
  // 9 tensors a layer (two norms among them), embedding, head, last norm: the GGUF has one more, rope_freqs.
  std::int64_t tensors = 0;
  for (const Tensor& tensor : model.tensors) tensors += tensor.count;
  CHECK(tensors == 32 * 9 + 3);
  CHECK(first_of(model, Role::ffn_down).ne0 == 14336);
  CHECK(first_of(model, Role::ffn_down).ne1 == 4096);
  CHECK(first_of(model, Role::token_embd).ne0 == 4096);
  CHECK(first_of(model, Role::attn_k).ne1 == 1024);
  CHECK(cache_width(model, Span::full) == 32 * 2 * 1024);
}

TEST_CASE("ties, biases, head_dim of its own") {
  CHECK(model_of("llama-3.2-1b").tie_word_embeddings);
  CHECK(count_of(model_of("llama-3.2-1b"), Role::output) == 0);
  CHECK(count_of(model_of("qwen2.5-7b"), Role::bias) == 28 * 3);
  CHECK(model_of("qwen2.5-7b").layers[0].attention->bias);
  CHECK(model_of("qwen3-8b").layers[0].attention->qk_norm);
  CHECK(model_of("qwen3-0.6b").layers[0].attention->head_dim == 128);  // 1024 / 16 would be 64
  CHECK(model_of("gemma-7b").layers[0].attention->head_dim == 256);
  CHECK(model_of("command-r-v01").parallel_residual);
  CHECK(model_of("phi-2").parallel_residual);
  CHECK(!model_of("bert-base-uncased").causal);
}

TEST_CASE("fused matrices as GGUF has them") {
  const Model phi = model_of("phi-4");
  CHECK(phi.gguf_arch == "phi3");
  CHECK(first_of(phi, Role::attn_qkv).ne1 == 5120 + 2 * 10 * 128);
  CHECK(first_of(phi, Role::ffn_up).ne1 == 2 * 17920);
  CHECK(count_of(phi, Role::ffn_gate) == 0);
  CHECK(first_of(model_of("gpt2"), Role::attn_qkv).ne1 == 3 * 768);
  CHECK(first_of(model_of("falcon-7b"), Role::attn_qkv).ne1 == 71 * 64 + 2 * 64);
}

TEST_CASE("windows") {
  const Model gemma2 = model_of("gemma-2-9b");
  CHECK(gemma2.layers[0].attention->span == Span::sliding);
  CHECK(gemma2.layers[0].attention->window == 4096);
  CHECK(gemma2.layers[1].attention->span == Span::full);
  const Model gemma3 = model_of("gemma-3-27b");
  CHECK(layers_with(gemma3, Span::full) == 10);
  CHECK(layers_with(gemma3, Span::sliding) == 52);
  CHECK(gemma3.layers[5].attention->span == Span::full);
  CHECK(gemma3.layers[5].attention->window == 0);
  CHECK(gemma3.layers[0].attention->window == 1024);
  const Model oss = model_of("gpt-oss-20b");
  CHECK(layers_with(oss, Span::sliding) == 12);
  CHECK(oss.layers[0].attention->window == 128);
  CHECK(oss.layers[0].attention->sinks);
  CHECK(oss.native_weights == "mxfp4");
  const Model llama4 = model_of("llama-4-scout");
  CHECK(layers_with(llama4, Span::chunked) == 36);
  CHECK(llama4.layers[0].attention->window == 8192);
  CHECK(layers_with(model_of("mistral-7b-v0.1"), Span::sliding) == 32);
  CHECK(layers_with(model_of("mistral-7b-v0.3"), Span::full) == 32);
  CHECK(layers_with(model_of("qwen2.5-7b"), Span::full) == 28);  // use_sliding_window is false
}

TEST_CASE("layers that share an earlier cache hold none") {
  // Gemma 4 E4B: 4 full and 20 windowed caches of 42 layers, as llama.cpp logs print them.
  const Model model = model_of("gemma-4-e4b");
  int full = 0;
  int sliding = 0;
  for (const Layer& layer : model.layers) {
    full += layer.attention->caches && layer.attention->span == Span::full;
    sliding += layer.attention->caches && layer.attention->span == Span::sliding;
  }
  CHECK(full == 4);
  CHECK(sliding == 20);
  CHECK(count_of(model, Role::per_layer_token_embd) == 1);
  // Gemma 4 12B: 8 full layers with one key-value head of 512, keys and values: 16,384 bytes a token in 16 bits.
  CHECK(2 * cache_width(model_of("gemma-4-12b"), Span::full) == 16384);
}

TEST_CASE("experts") {
  const Model mixtral = model_of("mixtral-8x7b");
  const Tensor& up = first_of(mixtral, Role::ffn_up_exps);
  CHECK(up.ne0 == 4096);
  CHECK(up.ne1 == 14336);
  CHECK(up.ne2 == 8);
  CHECK(up.experts_used == 2);
  CHECK(active_parameters(mixtral) == parameters(mixtral) - std::int64_t{32} * 6 * 3 * 4096 * 14336);
  const Model qwen = model_of("qwen3-30b-a3b");
  CHECK(qwen.layers[0].experts->num_experts == 128);
  CHECK(qwen.layers[0].experts->num_experts_per_tok == 8);
  CHECK(qwen.layers[0].experts->moe_intermediate_size == 768);
  CHECK(!qwen.layers[0].ffn);
  const Model scout = model_of("llama-4-maverick");
  CHECK(scout.layers[0].ffn->intermediate_size == 16384);
  CHECK(scout.layers[1].experts->shared_intermediate_size == 8192);
}

TEST_CASE("latent attention") {
  const Model model = model_of("deepseek-v3");
  CHECK(model.gguf_arch == "deepseek2");
  CHECK(model.native_weights == "fp8_block");
  CHECK(model.mtp_layers == 1);
  REQUIRE(model.layers.size() == 61);
  CHECK(model.layers[2].ffn->intermediate_size == 18432);
  CHECK(model.layers[3].experts->shared_intermediate_size == 2048);
  std::int64_t width = 0;
  for (const Layer& layer : model.layers) width += layer.latent->kv_lora_rank + layer.latent->qk_rope_head_dim;
  CHECK(2 * width == 70272);  // bytes a token in 16 bits
  const Tensor& k_b = first_of(model, Role::attn_k_b);
  CHECK(k_b.ne0 == 128);
  CHECK(k_b.ne1 == 512);
  CHECK(k_b.ne2 == 128);
  CHECK(count_of(model_of("minicpm3-4b"), Role::attn_kv_b) == 62);
  int indexers = 0;
  for (const Layer& layer : model_of("glm-5.2").layers) indexers += layer.latent->index_n_heads > 0;
  CHECK(indexers == 21);
}

TEST_CASE("state mixers") {
  // llama.cpp logs for Qwen3.5-27B: 149.62 MiB of state a sequence, all in f32.
  const Model qwen = model_of("qwen3.5-27b");
  std::int64_t elements = 0;
  int full = 0;
  for (const Layer& layer : qwen.layers) {
    if (layer.state) elements += layer.state->state_elements + layer.state->conv_elements;
    full += layer.attention.has_value();
  }
  CHECK(4.0 * static_cast<double>(elements) / (1 << 20) == Approx(149.62).epsilon(0.0001));
  CHECK(full == 16);
  CHECK(qwen.layers[3].attention->output_gate);
  const Model falcon = model_of("falcon-h1-7b");
  for (const Layer& layer : falcon.layers) CHECK((layer.attention && layer.state && layer.ffn));
  const Model nemotron = model_of("nemotron-nano-9b-v2");
  for (const Layer& layer : nemotron.layers) {
    CHECK(int{layer.attention.has_value()} + int{layer.state.has_value()} + int{layer.ffn.has_value()} == 1);
  }
  const StateMixer mamba = *model_of("mamba-130m").layers[0].state;
  CHECK(mamba.d_inner == 1536);
  CHECK(mamba.state_elements == 1536 * 16);
  CHECK(mamba.conv_elements == 1536 * 3);
}

TEST_CASE("towers and encoder-decoders") {
  const Model llava = model_of("llava-1.5-7b");
  CHECK(parameters(llava, Part::tower) + parameters(llava, Part::projector) == 324487168);
  const Model whisper = model_of("whisper-large-v3");
  CHECK(layers_with(whisper, Span::full) == 32);
  CHECK(layers_with(whisper, Span::cross) == 32);
  CHECK(whisper.layers[1].attention->cross_tokens == 1500);
  CHECK(model_of("llama-3.2-11b-vision").layers[3].attention->cross_tokens == 4 * 1601);
}

TEST_CASE("families without a catalogue row") {
  // Totals that the Hugging Face API gives for baidu/ERNIE-4.5-0.3B-PT and ibm-granite/granite-3.0-1b-a400m-base.
  const Json ernie = {{"model_type", "ernie4_5"}, {"hidden_size", 1024},       {"intermediate_size", 3072},
                      {"num_hidden_layers", 18},  {"num_attention_heads", 16}, {"num_key_value_heads", 2},
                      {"head_dim", 128},          {"vocab_size", 103424},      {"tie_word_embeddings", true},
                      {"use_bias", false}};
  CHECK(parameters(read_config(ernie, "")) == 360748032);
  const Json granite = {{"model_type", "granitemoe"}, {"hidden_size", 1024},       {"intermediate_size", 512},
                        {"num_hidden_layers", 24},    {"num_attention_heads", 16}, {"num_key_value_heads", 8},
                        {"num_local_experts", 32},    {"num_experts_per_tok", 8},  {"vocab_size", 49155}};
  CHECK(parameters(read_config(granite, "")) == 1334628352);
}

TEST_CASE("quantized checkpoints name their format") {
  Json config = config_of("llama-3.1-8b");
  const auto native = [&](const char* quantization) {
    config["quantization_config"] = Json::parse(quantization);
    return read_config(config, "").native_weights;
  };
  CHECK(native(R"({"quant_method":"awq","bits":4})") == "awq");
  CHECK(native(R"({"quant_method":"gptq","bits":4,"group_size":128})") == "gptq");
  CHECK(native(R"({"quant_method":"fp8","weight_block_size":[128,128]})") == "fp8_block");
  CHECK(native(R"({"quant_method":"fp8"})") == "fp8_e4m3");
  CHECK(native(R"({"quant_method":"mxfp4"})") == "mxfp4");
  CHECK(native(R"({"quant_method":"modelopt","quant_algo":"NVFP4"})") == "nvfp4");
  CHECK(native(R"({"quant_method":"bitsandbytes","load_in_4bit":true})") == "bnb_nf4");
  CHECK(
      native(
          R"({"quant_method":"compressed-tensors","config_groups":{"group_0":{"weights":{"num_bits":8,"type":"float"}}}})") ==
      "fp8_e4m3");
  config["quantization_config"] = {{"quant_method", "from-the-future"}};
  const Model model = read_config(config, "");
  CHECK(model.native_weights == "bf16");
  CHECK(model.warnings.size() == 1);
}

TEST_CASE("a model known only by its numbers") {
  ManualModel manual;
  manual.parameters_billion = 70;
  manual.num_hidden_layers = 80;
  manual.num_key_value_heads = 8;
  manual.head_dim = 128;
  manual.vision_tower_gib = 1.5;
  const Model model = model_from(manual);
  CHECK(parameters(model) == 70'000'000'000);
  CHECK(model.layers.size() == 80);
  CHECK(cache_width(model, Span::full) == 80 * 2 * 8 * 128);
  CHECK(model.opaque_bytes == 1610612736);
  CHECK(model.tensors.size() == 1);
  CHECK(model.tensors[0].role == Role::opaque);
}
