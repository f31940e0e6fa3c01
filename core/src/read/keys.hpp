// Access to one object of a config: aliases, class defaults, bounds, and a memory of which keys were understood.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/checked.hpp"
#include "vram/model.hpp"

namespace vram::read {

// Spellings of one idea, the usual one first (it is the one that errors name).
using Aliases = std::span<const std::string_view>;

inline constexpr std::string_view kHiddenSize[] = {"hidden_size", "n_embd", "d_model", "dim", "model_dim"};
inline constexpr std::string_view kLayers[] = {"num_hidden_layers", "n_layer", "n_layers", "num_layers",
                                               "num_decoder_layers"};
inline constexpr std::string_view kHeads[] = {"num_attention_heads", "n_head", "n_heads", "num_heads"};
inline constexpr std::string_view kKvHeads[] = {"num_key_value_heads", "num_kv_heads", "n_head_kv",
                                                "multi_query_group_num", "kv_n_heads"};
inline constexpr std::string_view kHeadDim[] = {"head_dim", "kv_channels", "attention_head_dim"};
inline constexpr std::string_view kIntermediate[] = {
    "intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim", "d_ff", "mlp_hidden_size"};
inline constexpr std::string_view kVocab[] = {"vocab_size", "padded_vocab_size", "n_vocab"};
inline constexpr std::string_view kPositions[] = {
    "max_position_embeddings", "n_positions",   "n_ctx", "seq_length", "max_seq_len",
    "max_sequence_length",     "context_length"};
inline constexpr std::string_view kExperts[] = {"n_routed_experts", "num_local_experts", "num_experts",
                                                "moe_num_experts"};
inline constexpr std::string_view kExpertsPerToken[] = {
    "num_experts_per_tok", "num_experts_per_token", "moe_top_k", "top_k_experts", "moe_k", "experts_per_token"};
inline constexpr std::string_view kExpertSize[] = {"moe_intermediate_size", "expert_intermediate_size"};
inline constexpr std::string_view kSharedExperts[] = {"n_shared_experts", "num_shared_experts"};
inline constexpr std::string_view kMtpLayers[] = {"num_nextn_predict_layers", "mtp_num_hidden_layers"};
inline constexpr std::string_view kQkvBias[] = {"attention_bias", "use_qkv_bias", "qkv_bias",
                                                "add_qkv_bias",   "use_bias",     "bias"};

// Bounds: wide enough for any real model, narrow enough that no product of three of them leaves 64 bits.
inline constexpr std::int64_t kMaxWidth = std::int64_t{1} << 22;
inline constexpr std::int64_t kMaxLayers = 4096;
inline constexpr std::int64_t kMaxHeads = 65536;
inline constexpr std::int64_t kMaxHeadDim = 65536;
inline constexpr std::int64_t kMaxVocab = std::int64_t{1} << 28;
inline constexpr std::int64_t kMaxExperts = 16384;
inline constexpr std::int64_t kMaxPositions = std::int64_t{1} << 40;

class Keys {
 public:
  // `class_defaults` is a JSON object: what the class behind the config fills in for absent keys. May be empty.
  Keys(const Json& object, std::string path, std::string_view class_defaults = {});

  // nullptr when absent or null, in the object and in the defaults. Marks the key as understood.
  const Json* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  // The first alias present; empty when none. Marks all of them.
  std::string_view first(Aliases aliases) const;
  // As written in the object itself, defaults apart.
  bool states(std::string_view key) const;

  // Whole numbers, inclusive bounds; a missing or wrong value is refused.
  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const;
  std::int64_t integer_or(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t fallback) const;
  // Two aliases with different numbers are refused.
  std::int64_t integer(Aliases aliases, std::int64_t low, std::int64_t high) const;
  std::int64_t integer_or(Aliases aliases, std::int64_t low, std::int64_t high, std::int64_t fallback) const;
  double number_or(std::string_view key, double low, double high, double fallback) const;
  bool flag(std::string_view key, bool fallback) const;
  bool flag(Aliases aliases, bool fallback) const;
  std::string text_or(std::string_view key, std::string_view fallback) const;
  // An array; nullptr when absent. Anything else is refused.
  const Json* list(std::string_view key) const;
  // A whole number at `index` of a list.
  std::int64_t item(std::string_view key, std::size_t index, std::int64_t low, std::int64_t high) const;

  std::string path_of(std::string_view key) const { return reader_.path_of(key); }
  const std::string& path() const { return reader_.path(); }
  const Json& json() const { return reader_.json(); }
  [[noreturn]] void refuse_at(std::string_view key, std::string message, std::string expected = "") const;

  // A warning for every key that nobody asked for and that looks as if it changed memory.
  void report_unread(std::vector<Warning>& warnings) const;

 private:
  ObjectReader reader_;
  Json defaults_;
  mutable std::vector<const Json*> understood_;
};

}  // namespace vram::read
