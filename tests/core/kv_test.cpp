// Cached bytes per token against what engines logged.
#include "catch.hpp"
#include "llm/parts.hpp"

using namespace vram;

namespace {

const TensorType& f16() { return *find_tensor_type("f16"); }

Layer attention(std::int64_t kv_heads, std::int64_t head_dim, Span span = Span::full, std::int64_t window = 0) {
  Layer layer;
  Attention& a = layer.attention.emplace();
  a.num_attention_heads = a.num_key_value_heads = kv_heads;
  a.head_dim = a.v_head_dim = head_dim;
  a.span = span;
  a.window = window;
  return layer;
}

Layer latent() {
  Layer layer;
  LatentAttention& a = layer.latent.emplace();
  a.num_attention_heads = 128;
  a.kv_lora_rank = 512;
  a.qk_rope_head_dim = 64;
  return layer;
}

Model of(std::int64_t layers, const Layer& layer) {
  Model model;
  model.layers.assign(static_cast<std::size_t>(layers), layer);
  return model;
}

}  // namespace

TEST_CASE("Bytes per token of models whose engines printed them") {
  CHECK(kv_bytes_per_token_full(of(32, attention(8, 128)), f16(), f16()) == 131072);  // Llama-3.1-8B
  CHECK(kv_bytes_per_token_full(of(28, attention(4, 128)), f16(), f16()) == 57344);   // Qwen2-7B, vLLM: 57,354
  CHECK(kv_bytes_per_token_full(of(61, latent()), f16(), f16()) == 70272);            // Kimi-K2, DeepSeek-V3
}

TEST_CASE("Quantized caches take whole blocks of each row") {
  const TensorType& q8 = *find_tensor_type("q8_0");
  const TensorType& q4 = *find_tensor_type("q4_0");
  CHECK(kv_bytes_per_token_full(of(1, attention(8, 128)), q8, q4) == 1024 / 32 * 34 + 1024 / 32 * 18);
}

TEST_CASE("A window bounds what a layer holds, an elided cache holds nothing") {
  CHECK(cached_tokens(attention(8, 128), 5000) == 5000);
  CHECK(cached_tokens(attention(8, 128, Span::sliding, 1024), 5000) == 1024);
  CHECK(cached_tokens(attention(8, 128, Span::sliding, 1024), 100) == 100);
  CHECK(cached_tokens(attention(8, 128, Span::chunked, 8192), 5000) == 5000);
  Layer shared = attention(8, 128);
  shared.attention->caches = false;
  CHECK(tight_cache_bytes(shared, f16(), f16(), 5000, 2) == 0);
  Layer cross = attention(8, 128, Span::cross);
  cross.attention->cross_tokens = 1601;
  CHECK(cached_tokens(cross, 5) == 1601);
  CHECK(kv_bytes_per_token_full(of(1, cross), f16(), f16()) == 0);
}

TEST_CASE("Index keys are cached beside the latent, compressed attention keeps a window and a digest") {
  Layer sparse = latent();
  sparse.latent->index_n_heads = 64;
  sparse.latent->index_head_dim = 128;
  CHECK(tight_cache_bytes(sparse, f16(), f16(), 1000, 1) == 1000 * (576 + 128) * 2);
  Layer digest;
  digest.compressed = CompressedAttention{64, 1024, 512, 128, 4, 0, 0};
  CHECK(tight_cache_bytes(digest, f16(), f16(), 1000, 3) == 3 * (128 + 250) * 512 * 2);
}

TEST_CASE("Nothing wraps") {
  const Layer huge = attention(INT64_C(1) << 30, INT64_C(1) << 30);
  CHECK(tight_cache_bytes(huge, f16(), f16(), INT64_C(1) << 40, 65536) == kMaxBytes);
}
