// Which mixer and which window each layer has.
#include <algorithm>

#include "read/shape.hpp"

namespace vram::read {
namespace {

constexpr std::string_view kWindow[] = {"sliding_window", "sliding_window_size"};

struct LayerTypeName {
  std::string_view name;
  LayerKind kind;
};

// transformers configuration_utils.py ALLOWED_LAYER_TYPES, and the older spellings of Granite, Jamba and LFM2.
constexpr LayerTypeName kLayerTypes[] = {
    {"full_attention", {Mixer::attention, Span::full}},
    {"sliding_attention", {Mixer::attention, Span::sliding}},
    {"chunked_attention", {Mixer::attention, Span::chunked}},
    {"attention", {Mixer::attention, Span::full}},
    {"mamba", {Mixer::mamba2, Span::full}},
    {"mamba2", {Mixer::mamba2, Span::full}},
    {"linear_attention", {Mixer::delta_net, Span::full}},
    {"conv", {Mixer::short_conv, Span::full}},
};

void must_have_length(const Keys& text, std::string_view key, std::size_t found, std::int64_t layers) {
  if (found == static_cast<std::size_t>(layers)) return;
  refuse(
      text.path_of(key),
      std::string(key) + " has " + std::to_string(found) + " entries, the model " + std::to_string(layers) + " layers",
      "", std::to_string(layers) + " entries");
}

std::vector<LayerKind> from_layer_types(const Reading& reading, const Json& types, std::int64_t layers) {
  const Keys& text = reading.text;
  must_have_length(text, "layer_types", types.size(), layers);
  const bool windowed = text.flag("use_sliding_window", true) && window_of(reading) > 0;
  text.first(kWindow);
  std::vector<LayerKind> kinds(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    const LayerTypeName* known = nullptr;
    if (types[i].is_string()) {
      for (const LayerTypeName& row : kLayerTypes) {
        if (types[i].get_ref<const std::string&>() == row.name) known = &row;
      }
    }
    if (known == nullptr) {
      std::string names;
      for (const LayerTypeName& row : kLayerTypes) names += (names.empty() ? "" : ", ") + std::string(row.name);
      refuse(text.path_of("layer_types") + "/" + std::to_string(i), "this kind of layer is not understood",
             shown(types[i]), "one of: " + names);
    }
    kinds[i] = known->kind;
    if (kinds[i].mixer == Mixer::delta_net) kinds[i].mixer = reading.family.linear;
    if (kinds[i].span == Span::sliding && !windowed) kinds[i].span = Span::full;
  }
  return kinds;
}

// A list of 0 and 1 (or false and true), one a layer.
std::vector<bool> switches(const Keys& text, std::string_view key, std::int64_t layers) {
  const Json& list = *text.list(key);
  must_have_length(text, key, list.size(), layers);
  std::vector<bool> on(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    on[i] = list[i].is_boolean() ? list[i].get<bool>() : text.item(key, i, 0, 1) == 1;
  }
  return on;
}

void set_spans(std::vector<LayerKind>& kinds, Span span, const std::vector<bool>& where) {
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (where[i]) kinds[i].span = span;
  }
}

void read_windows(const Reading& reading, std::vector<LayerKind>& kinds) {
  const Keys& text = reading.text;
  const Family& family = reading.family;
  if (!text.flag("use_sliding_window", true)) {
    text.first(kWindow);  // a window that nothing uses
    return;
  }
  if (family.windows == Windows::none || window_of(reading) == 0) return;
  const auto layers = static_cast<std::int64_t>(kinds.size());
  std::int64_t first = 0;
  std::int64_t pattern = 0;
  switch (family.windows) {
    case Windows::none: return;
    case Windows::all: break;
    case Windows::qwen:
      if (!text.flag("use_sliding_window", false)) return;
      first = text.integer_or("max_window_layers", 0, kMaxLayers, 0);
      break;
    case Windows::even: pattern = 2; break;
    case Windows::patterned:
      constexpr std::string_view keys[] = {"sliding_window_pattern", "_sliding_window_pattern"};
      pattern = text.integer_or(keys, 1, kMaxLayers, family.window_pattern);
      break;
  }
  for (std::int64_t i = first; i < layers; ++i) {
    if (pattern == 0 || (i + 1) % pattern != 0) kinds[static_cast<std::size_t>(i)].span = Span::sliding;
  }
}

// Llama 4: every fourth layer sees everything, the others a chunk (transformers llama4/configuration_llama4.py).
void read_chunks(const Reading& reading, std::vector<LayerKind>& kinds) {
  const Keys& text = reading.text;
  const auto layers = static_cast<std::int64_t>(kinds.size());
  if (const Json* rope = text.list("no_rope_layers"); rope != nullptr && !rope->empty()) {
    set_spans(kinds, Span::chunked, switches(text, "no_rope_layers", layers));
    return;
  }
  const std::int64_t interval = text.integer_or("no_rope_layer_interval", 1, kMaxLayers, 4);
  for (std::int64_t i = 0; i < layers; ++i) {
    if ((i + 1) % interval != 0) kinds[static_cast<std::size_t>(i)].span = Span::chunked;
  }
}

// Layers that a list of indices names; `first` is the number of the first layer.
std::vector<bool> named_layers(const Keys& keys, std::string_view key, std::int64_t layers, std::int64_t first) {
  std::vector<bool> on(static_cast<std::size_t>(layers));
  const Json* list = keys.list(key);
  if (list == nullptr) return on;
  must_have_length(keys, key, std::min(list->size(), on.size()), static_cast<std::int64_t>(list->size()));
  for (std::size_t i = 0; i < list->size(); ++i) {
    on[static_cast<std::size_t>(keys.item(key, i, first, first + layers - 1) - first)] = true;
  }
  return on;
}

}  // namespace

std::int64_t window_of(const Reading& reading) {
  const Keys& text = reading.text;
  if (reading.family.model_type == "llama4") {
    return text.integer_or("attention_chunk_size", 1, kMaxPositions, 8192);  // Llama4TextConfig default
  }
  return text.integer_or(text.first(kWindow).empty() ? kWindow[0] : text.first(kWindow), 0, kMaxPositions,
                         reading.family.default_window);
}

std::vector<LayerKind> layer_kinds(const Reading& reading, std::int64_t layers) {
  const Keys& text = reading.text;
  const std::string_view type = reading.family.model_type;
  if (const Json* types = text.list("layer_types"); types != nullptr && !types->empty()) {
    for (const std::string_view said_twice : {"sliding_window_pattern", "_sliding_window_pattern", "no_rope_layers",
                                              "full_attention_interval", "full_attn_idxs", "hybrid_layer_pattern"}) {
      text.has(said_twice);
    }
    return from_layer_types(reading, *types, layers);
  }
  std::vector<LayerKind> kinds(static_cast<std::size_t>(layers));
  if (type == "llama4") {
    read_chunks(reading, kinds);
  } else if (type == "mllama") {
    set_spans(kinds, Span::cross, named_layers(text, "cross_attention_layers", layers, 0));
  } else if (type == "mimo_v2_flash" && text.has("hybrid_layer_pattern")) {
    text.has("attention_chunk_size");  // the window once more
    set_spans(kinds, Span::sliding, switches(text, "hybrid_layer_pattern", layers));
  } else if (type == "minimax" && text.has("attn_type_list")) {
    const std::vector<bool> full = switches(text, "attn_type_list", layers);
    for (std::size_t i = 0; i < kinds.size(); ++i) kinds[i].mixer = full[i] ? Mixer::attention : Mixer::lightning;
  } else if (type == "jamba") {
    const std::int64_t period = text.integer_or("attn_layer_period", 1, kMaxLayers, 8);
    const std::int64_t offset =
        text.integer_or("attn_layer_offset", 0, period - 1, std::min<std::int64_t>(4, period - 1));
    for (std::int64_t i = 0; i < layers; ++i) {
      if (i % period != offset) kinds[static_cast<std::size_t>(i)].mixer = Mixer::mamba1;
    }
  } else if (type == "kimi_linear") {
    const Json* linear = text.find("linear_attn_config");
    if (linear == nullptr) text.refuse_at("linear_attn_config", "linear_attn_config is missing", "an object {...}");
    const Keys keys(*linear, text.path_of("linear_attn_config"));
    const std::vector<bool> kda = named_layers(keys, "kda_layers", layers, 1);
    for (std::size_t i = 0; i < kinds.size(); ++i) kinds[i].mixer = kda[i] ? Mixer::kda : Mixer::latent;
  } else if (type == "mamba") {
    for (LayerKind& kind : kinds) kind.mixer = Mixer::mamba1;
  } else if (type == "mamba2") {
    for (LayerKind& kind : kinds) kind.mixer = Mixer::mamba2;
  } else if (type == "falcon_h1") {
    for (LayerKind& kind : kinds) kind.mixer = Mixer::attention_and_mamba2;
  } else if (reading.family.latent) {
    for (LayerKind& kind : kinds) kind.mixer = Mixer::latent;
  } else if (text.has("linear_num_value_heads")) {
    const std::int64_t interval = text.integer_or("full_attention_interval", 1, kMaxLayers, 4);
    for (std::int64_t i = 0; i < layers; ++i) {
      if ((i + 1) % interval != 0) kinds[static_cast<std::size_t>(i)].mixer = Mixer::delta_net;
    }
  } else {
    read_windows(reading, kinds);
  }
  return kinds;
}

}  // namespace vram::read
