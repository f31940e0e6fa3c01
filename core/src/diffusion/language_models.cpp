// Language models as text encoders, and CLIP's vision towers. Source: huggingface/transformers v4.57,
// models/qwen2_5_vl, qwen3, gemma2, llama, mistral, clip.
#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

struct Family {
  bool qk_norm = false;     // a norm on queries and keys
  bool four_norms = false;  // norms after attention and feed-forward too
  bool head = false;        // an output matrix, unless tied
};

// The vision tower of Qwen2.5-VL: it is loaded, text alone does not run it.
Size qwen_vision(const Settings& s) {
  const Size d = s.integer("vision_hidden_size", 0);
  if (d == 0) return 0;
  const Size ff = s.integer("vision_intermediate_size", 3420), layers = s.integer("vision_depth", 32);
  const Size patch = s.integer("vision_patch_size", 14), out = s.integer("hidden_size", 3584);
  const Size layer = 4 * d * d + 4 * d + 3 * d * ff + 2 * ff + d + 2 * d;
  return 3 * 2 * patch * patch * d + layers * layer + d + 16 * d * d + 4 * d + 4 * d * out + out;
}

void language_model(Trace& t, const Settings& s, const TextInput& in, const Family& family) {
  const Size width = s.integer("hidden_size", 4096), inner = s.integer("intermediate_size", 14336);
  const Size layers = s.integer("num_hidden_layers", 32), heads = s.integer("num_attention_heads", 32);
  const Size kv_heads = s.integer("num_key_value_heads", heads), vocab = s.integer("vocab_size", 128320);
  const Size head_dim = s.integer("head_dim", width / std::max<Size>(1, heads));
  const bool bias = s.truth("attention_bias", false);
  const Tensor ids = t.input({in.batch, in.tokens}, DType::i64, "token ids");
  Tensor x = embed(ids, vocab, width, in.dtype);
  const Tensor cosine = t.make({in.batch, in.tokens, head_dim}, in.dtype, "rotary cosines");
  const Tensor sine = like(cosine);
  // The pipelines ask for all hidden states.
  std::vector<Tensor> states;
  for (Size i = 0; i < layers; ++i) states.push_back(t.make(x.shape(), in.dtype, "hidden states"));
  t.stack("layers", layers, [&] {
    const Tensor residual = x;
    Tensor normed = rms_norm_by_hand(residual);
    Tensor attended;
    {
      const auto split = [&](const Tensor& y, Size n) {
        return transpose(y.view({in.batch, in.tokens, n, head_dim}), 1, 2);
      };
      Tensor query = split(linear(normed, heads * head_dim, bias), heads);
      Tensor key = split(linear(normed, kv_heads * head_dim, bias), kv_heads);
      Tensor value = split(linear(normed, kv_heads * head_dim, bias), kv_heads);
      if (family.qk_norm) {
        query = rms_norm_by_hand(query);
        key = rms_norm_by_hand(key);
      }
      query = like(query);
      key = like(key);
      const Tensor keys = t.make({in.batch, heads, in.tokens, head_dim}, in.dtype, "repeated keys");
      const Tensor values = t.make({in.batch, heads, in.tokens, head_dim}, in.dtype, "repeated values");
      Tensor out = t.make({in.batch, heads, in.tokens, head_dim}, in.dtype, "attention");
      out = reshape(transpose(out, 1, 2), {in.batch, in.tokens, heads * head_dim});
      attended = linear(out, width, false);
    }
    if (family.four_norms) attended = rms_norm_by_hand(attended);
    const Tensor sum = el(residual, attended);
    normed = rms_norm_by_hand(sum);
    Tensor ff;
    {
      Tensor gate = linear(normed, inner, false);
      gate = like(gate);
      const Tensor up = linear(normed, inner, false);
      const Tensor product = el(gate, up);
      ff = linear(product, width, false);
    }
    if (family.four_norms) ff = rms_norm_by_hand(ff);
    x = el(sum, ff);
  });
  x = rms_norm_by_hand(x);
  if (family.head && !s.truth("tie_word_embeddings", false)) t.count_linear(width, vocab, false);
  t.count(qwen_vision(s));
}

void clip_vision(Trace& t, const Settings& s, const TextInput& in, bool projected) {
  const Size width = s.integer("hidden_size", 1024), inner = s.integer("intermediate_size", 4096);
  const Size layers = s.integer("num_hidden_layers", 24), heads = s.integer("num_attention_heads", 16);
  const Size patch = s.integer("patch_size", 14), side = s.integer("image_size", 224) / std::max<Size>(1, patch);
  const Size tokens = side * side + 1;
  const Tensor image = t.input({in.batch, 3, side * patch, side * patch}, in.dtype, "picture");
  Tensor x = conv2d(image, width, patch, patch, 0, false);
  t.count(width + tokens * width);
  x = t.make({in.batch, tokens, width}, in.dtype, "patches");
  x = layer_norm(x);
  AttnOptions o;
  o.heads = heads;
  o.head_dim = width / std::max<Size>(1, heads);
  o.bias = true;
  t.stack("layers", layers, [&] {
    const Tensor residual = x;
    Tensor normed = layer_norm(residual);
    Tensor attended = attention_2_0(normed, {}, o);
    const Tensor sum = el(residual, attended);
    normed = layer_norm(sum);
    const Tensor ff = feed_forward(normed, inner, width, Act::gelu);
    x = el(sum, ff);
  });
  Tensor pooled = layer_norm(t.make({in.batch, width}, in.dtype, "pooled"));
  if (projected) pooled = linear(pooled, s.integer("projection_dim", 768), false);
}

}  // namespace

// Its own names for the same shapes; a head of its own.
void trace_chatglm(Trace& t, const Settings& s, const TextInput& in) {
  Settings own;
  const auto put = [&](const char* key, std::int64_t value) {
    own.add({key, {static_cast<double>(value)}, {}, false});
  };
  put("hidden_size", s.integer("hidden_size", 4096));
  put("intermediate_size", s.integer("ffn_hidden_size", 13696));
  put("num_hidden_layers", s.integer("num_layers", 28));
  put("num_attention_heads", s.integer("num_attention_heads", 32));
  put("num_key_value_heads", s.integer("multi_query_group_num", 2));
  put("vocab_size", s.integer("padded_vocab_size", 65024));
  put("attention_bias", s.truth("add_qkv_bias", true) ? 1 : 0);
  language_model(t, own, in, {false, false, true});
}
void trace_llama(Trace& t, const Settings& s, const TextInput& in) { language_model(t, s, in, {}); }
void trace_llama_with_head(Trace& t, const Settings& s, const TextInput& in) {
  language_model(t, s, in, {false, false, true});
}
void trace_qwen3(Trace& t, const Settings& s, const TextInput& in) { language_model(t, s, in, {true, false, true}); }
void trace_gemma2(Trace& t, const Settings& s, const TextInput& in) { language_model(t, s, in, {false, true, false}); }
void trace_gemma3(Trace& t, const Settings& s, const TextInput& in) { language_model(t, s, in, {true, true, false}); }
void trace_clip_vision(Trace& t, const Settings& s, const TextInput& in) { clip_vision(t, s, in, false); }
void trace_clip_vision_projected(Trace& t, const Settings& s, const TextInput& in) { clip_vision(t, s, in, true); }
void trace_safety_checker(Trace& t, const Settings& s, const TextInput& in) {
  clip_vision(t, s, in, true);
  const Size width = s.integer("projection_dim", 768);
  t.count(17 * width + 3 * width + 17 + 3);
}

}  // namespace vram::diffusion
