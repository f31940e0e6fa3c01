#include "read/log/log_model.hpp"

#include <algorithm>
#include <charconv>

#include "read/config.hpp"
#include "vram/catalogue.hpp"

namespace vram::read {
namespace {

std::optional<std::int64_t> number_of(const std::string* text) {
  std::int64_t number = 0;
  if (text == nullptr) return std::nullopt;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), number);
  if (read.ec != std::errc()) return std::nullopt;
  return number;
}

// What a log says of the model's shape; -1 where it is silent.
struct Shape {
  std::string arch;
  std::int64_t layers = -1, hidden = -1, heads = -1, kv_heads = -1, head_dim = -1, ff = -1, vocab = -1;
  std::int64_t experts = -1, experts_used = -1, expert_ff = -1, shared_experts = -1, dense_layers = -1;
  std::int64_t kv_rank = -1, q_rank = -1, rope_dim = -1, window = -1, positions = -1, value_dim = -1, mla_head_dim = -1;
};

Shape shape_of(const EngineLog& log) {
  Shape s;
  if (const std::string* arch = log.fact({"general.architecture", "arch"})) s.arch = *arch;
  const auto read = [&](std::int64_t& into, std::string_view printed, std::string_view key) {
    std::optional<std::int64_t> value = number_of(log.fact(printed));
    if (!value && !s.arch.empty()) value = number_of(log.fact(s.arch + "." + std::string(key)));
    if (value) into = *value;
  };
  read(s.layers, "n_layer", "block_count");
  read(s.hidden, "n_embd", "embedding_length");
  read(s.heads, "n_head", "attention.head_count");
  read(s.kv_heads, "n_head_kv", "attention.head_count_kv");
  read(s.head_dim, "n_embd_head_k", "attention.key_length");
  read(s.ff, "n_ff", "feed_forward_length");
  read(s.vocab, "n_vocab", "vocab_size");
  read(s.experts, "n_expert", "expert_count");
  read(s.experts_used, "n_expert_used", "expert_used_count");
  read(s.expert_ff, "n_ff_exp", "expert_feed_forward_length");
  read(s.shared_experts, "n_expert_shared", "expert_shared_count");
  read(s.dense_layers, "n_layer_dense_lead", "leading_dense_block_count");
  read(s.kv_rank, "n_lora_kv", "attention.kv_lora_rank");
  read(s.q_rank, "n_lora_q", "attention.q_lora_rank");
  read(s.rope_dim, "n_rot", "rope.dimension_count");
  read(s.window, "n_swa", "attention.sliding_window");
  read(s.positions, "n_ctx_train", "context_length");
  read(s.mla_head_dim, "n_embd_head_k_mla", "attention.key_length_mla");
  read(s.value_dim, "n_embd_head_v_mla", "attention.value_length_mla");
  return s;
}

struct Architecture {
  std::string_view gguf;
  std::string_view model_type;
};
// Architectures whose shape a log states in full. Hybrids and towers are found in the catalogue only.
constexpr Architecture kArchitectures[] = {{"llama", "llama"},
                                           {"qwen2", "qwen2"},
                                           {"qwen3", "qwen3"},
                                           {"qwen3moe", "qwen3_moe"},
                                           {"qwen2moe", "qwen2_moe"},
                                           {"gemma", "gemma"},
                                           {"gemma2", "gemma2"},
                                           {"gemma3", "gemma3_text"},
                                           {"phi3", "phi3"},
                                           {"gpt-oss", "gpt_oss"},
                                           {"glm4", "glm4"},
                                           {"glm4moe", "glm4_moe"},
                                           {"command-r", "cohere"},
                                           {"cohere2", "cohere2"},
                                           {"granite", "granite"},
                                           {"starcoder2", "starcoder2"},
                                           {"deepseek2", "deepseek_v3"},
                                           {"olmo2", "olmo2"},
                                           {"exaone4", "exaone4"},
                                           {"mistral3", "ministral3"},
                                           {"internlm2", "internlm2"},
                                           {"minicpm", "minicpm"},
                                           {"smollm3", "smollm3"},
                                           {"seed_oss", "seed_oss"}};

std::optional<Json> config_of(const Shape& s) {
  const auto* row = std::find_if(std::begin(kArchitectures), std::end(kArchitectures),
                                 [&](const Architecture& a) { return a.gguf == s.arch; });
  if (row == std::end(kArchitectures) || s.layers <= 0 || s.hidden <= 0 || s.heads <= 0 || s.vocab <= 0) {
    return std::nullopt;
  }
  Json c = {{"model_type", s.arch == "llama" && s.experts > 0 ? "mixtral" : std::string(row->model_type)},
            {"num_hidden_layers", s.layers},
            {"hidden_size", s.hidden},
            {"num_attention_heads", s.heads},
            {"vocab_size", s.vocab}};
  const auto put = [&](const char* key, std::int64_t value) {
    if (value > 0) c[key] = value;
  };
  put("num_key_value_heads", s.kv_heads);
  put("intermediate_size", s.ff);
  put("max_position_embeddings", s.positions);
  put("sliding_window", s.window);
  if (s.kv_rank > 0) {
    const std::int64_t rope = std::max<std::int64_t>(s.rope_dim, 0);
    put("kv_lora_rank", s.kv_rank);
    put("q_lora_rank", s.q_rank);
    put("qk_rope_head_dim", rope);
    put("qk_nope_head_dim", (s.mla_head_dim > 0 ? s.mla_head_dim : s.head_dim) - rope);
    put("v_head_dim", s.value_dim);
    put("num_key_value_heads", s.heads);
  } else {
    put("head_dim", s.head_dim);
  }
  if (s.experts > 0) {
    put(s.arch == "deepseek2" || s.arch == "glm4moe" ? "n_routed_experts"
        : s.arch == "llama" || s.arch == "gpt-oss"   ? "num_local_experts"
                                                     : "num_experts",
        s.experts);
    put("num_experts_per_tok", s.experts_used);
    put("moe_intermediate_size", s.expert_ff);
    put("n_shared_experts", s.shared_experts);
    put("first_k_dense_replace", s.dense_layers);
  }
  return c;
}

// Letters that two names share at their beginnings.
std::size_t likeness(const std::string& a, const std::string& b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

std::int64_t kv_heads_of(const Model& model) {
  for (const Layer& layer : model.layers) {
    if (layer.attention) return layer.attention->num_key_value_heads;
  }
  return -1;
}

bool same_shape(const Model& model, const Shape& s) {
  const auto agrees = [](std::int64_t printed, std::int64_t known) { return printed < 0 || printed == known; };
  std::int64_t ff = -1;
  for (const Layer& layer : model.layers) {
    if (layer.ffn) ff = layer.ffn->intermediate_size;
  }
  return model.gguf_arch == s.arch && static_cast<std::int64_t>(model.layers.size()) == s.layers &&
         model.hidden_size == s.hidden &&
         (s.kv_rank > 0 || s.kv_heads <= 0 || agrees(s.kv_heads, kv_heads_of(model))) &&
         (s.ff <= 0 || ff < 0 || s.experts > 0 || s.ff == ff) &&
         (s.vocab < 0 || std::abs(model.vocab_size - s.vocab) <= 512);
}

// Published names of the log's model, as they may stand in it.
std::vector<std::string> names_of(const EngineLog& log) {
  std::vector<std::string> names;
  for (const std::string_view fact : {"general.name", "general.basename", "file"}) {
    if (const std::string* name = log.fact(fact)) names.push_back(plain_name(*name));
  }
  if (!log.model_name.empty()) names.push_back(plain_name(log.model_name));
  return names;
}

std::optional<LogModel> by_shape(const EngineLog& log, const Shape& s) {
  const std::vector<std::string> names = names_of(log);
  const CatalogueRow* best = nullptr;
  std::size_t best_likeness = 0;
  std::int64_t best_vocab = 0;
  for (const CatalogueRow& row : model_rows()) {
    const Json json = parse_own(row.json);
    Model model;
    try {
      model = read_config(json["config"], "/model");
    } catch (const BadInput&) {
      continue;
    }
    if (!same_shape(model, s)) continue;
    std::size_t like = 1;
    for (const std::string& name : names) like = std::max(like, 1 + likeness(name, std::string(row.id)));
    if (model.vocab_size == s.vocab) like += 1000;
    // Of several alike the one with the shortest id: it is what the others were made from.
    if (best != nullptr && (like < best_likeness || (like == best_likeness && row.id.size() >= best->id.size())))
      continue;
    best = &row;
    best_likeness = like;
    best_vocab = model.vocab_size;
  }
  if (best == nullptr) return std::nullopt;
  if (s.vocab > 0 && best_vocab != s.vocab) {  // the converter padded or cut the vocabulary
    Json config = parse_own(best->json)["config"];
    for (const char* nested : {"text_config", "llm_config", "language_config"}) {
      if (config.contains(nested) && config[nested].contains("vocab_size")) config[nested]["vocab_size"] = s.vocab;
    }
    config["vocab_size"] = s.vocab;
    return LogModel{{{"config", config}, {"name", std::string(best->id)}}, "shape"};
  }
  return LogModel{{{"id", std::string(best->id)}}, "shape"};
}

std::optional<LogModel> by_name(const EngineLog& log) {
  for (const std::string& name : names_of(log)) {
    for (const CatalogueRow& row : model_rows()) {
      const bool same =
          name == plain_name(row.id) || name == plain_name(parse_own(row.json)["name"].get<std::string>());
      if (same) return LogModel{{{"id", std::string(row.id)}}, "name"};
    }
  }
  return std::nullopt;
}

}  // namespace

std::string plain_name(std::string_view name) {
  if (const std::size_t slash = name.find_last_of("/\\"); slash != name.npos) name.remove_prefix(slash + 1);
  std::string plain;
  for (const char c : name) {
    if (c == '_' || c == ' ' || c == ':') {
      plain += '-';
    } else {
      plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  if (plain.ends_with(".gguf")) plain.resize(plain.size() - 5);
  for (bool shorter = true; shorter;) {
    shorter = false;
    for (const std::string_view end :
         {"-instruct", "-chat", "-it",   "-hf",   "-base",   "-gguf",   "-fp8",    "-awq",
          "-gptq",     "-int4", "-bf16", "-f16",  "-2507",   "-q4-k-m", "-q4-k-s", "-q5-k-m",
          "-q5-k-s",   "-q6-k", "-q8-0", "-q4-0", "-q3-k-m", "-q2-k",   "-iq4-xs", "-mxfp4"}) {
      if (!plain.ends_with(end) || plain.size() <= end.size()) continue;
      plain.resize(plain.size() - end.size());
      shorter = true;
    }
  }
  if (plain.starts_with("meta-")) plain.erase(0, 5);
  return plain;
}

std::string weights_of_file_type(std::string_view printed) {
  struct Type {
    std::string_view printed;
    std::string_view id;
  };
  // llama_model_ftype_name, src/llama-model-loader.cpp
  constexpr Type kTypes[] = {{"all F32", "fp32"},
                             {"F16", "gguf_f16"},
                             {"BF16", "gguf_bf16"},
                             {"Q4_0", "q4_0"},
                             {"Q4_1", "q4_1"},
                             {"Q5_0", "q5_0"},
                             {"Q5_1", "q5_1"},
                             {"Q8_0", "q8_0"},
                             {"Q2_K - Medium", "q2_k"},
                             {"Q2_K - Small", "q2_k_s"},
                             {"Q3_K - Small", "q3_k_s"},
                             {"Q3_K - Medium", "q3_k_m"},
                             {"Q3_K - Large", "q3_k_l"},
                             {"Q4_K - Small", "q4_k_s"},
                             {"Q4_K - Medium", "q4_k_m"},
                             {"Q5_K - Small", "q5_k_s"},
                             {"Q5_K - Medium", "q5_k_m"},
                             {"Q6_K", "q6_k"},
                             {"MXFP4 MoE", "mxfp4_moe"},
                             {"IQ2_XXS", "iq2_xxs"},
                             {"IQ2_XS", "iq2_xs"},
                             {"IQ2_S", "iq2_s"},
                             {"IQ2_M", "iq2_m"},
                             {"IQ3_XXS", "iq3_xxs"},
                             {"IQ3_XS", "iq3_xs"},
                             {"IQ3_S mix", "iq3_m"},
                             {"IQ3_S", "iq3_s"},
                             {"IQ1_S", "iq1_s"},
                             {"IQ1_M", "iq1_m"},
                             {"IQ4_NL", "iq4_nl"},
                             {"IQ4_XS", "iq4_xs"},
                             {"TQ1_0", "tq1_0"},
                             {"TQ2_0", "tq2_0"},
                             {"Q2_K", "q2_k"},
                             {"all BF16", "gguf_bf16"},
                             {"all F16", "gguf_f16"}};
  if (printed.starts_with("(guessed) ")) printed.remove_prefix(10);
  for (const Type& type : kTypes) {
    if (!printed.starts_with(type.printed)) continue;
    const std::string_view rest = printed.substr(type.printed.size());
    if (rest.empty() || rest.starts_with(" -") || rest.starts_with(" (")) return std::string(type.id);
    if (type.printed == "IQ3_S mix") return std::string(type.id);
  }
  return {};
}

std::optional<LogModel> model_of(const EngineLog& log) {
  const Shape shape = shape_of(log);
  if (!shape.arch.empty() && shape.layers > 0 && shape.hidden > 0) {
    if (std::optional<LogModel> found = by_shape(log, shape)) return found;
    if (std::optional<Json> config = config_of(shape)) {
      const std::string* name = log.fact({"general.name", "general.basename"});
      return LogModel{{{"config", *config}, {"name", name != nullptr ? *name : shape.arch}}, "metadata"};
    }
  }
  return by_name(log);
}

}  // namespace vram::read
