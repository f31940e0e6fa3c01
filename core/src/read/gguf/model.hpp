// The Model of a GGUF: layers from its tensors and metadata, tensors with the types they have.
#pragma once

#include <string>

#include "read/file/facts.hpp"

namespace vram::read {

// Throws BadInput with a path under `path`.
Model model_of_gguf(const FileFacts& facts, const std::string& path);

// A layer as its tensors show it: every tensor of the layer by the name after "blk.N.", shapes as in the file.
class LayerTensors {
 public:
  struct Entry {
    std::string_view name;  // "attn_q.weight"
    const TensorGroup* group;
    std::int32_t each;
  };
  void add(Entry entry) { entries_.push_back(entry); }
  // nullptr when the layer has none.
  const TensorGroup* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  bool has_prefix(std::string_view prefix) const;
  // Size of a dimension; 1 when the tensor or the dimension is not there.
  std::int64_t size(std::string_view name, std::size_t dimension) const;
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

// Metadata "<architecture>.<key>", checked.
class Hyperparameters {
 public:
  Hyperparameters(const FileFacts& facts, const std::string& path)
      : metadata_(facts.metadata), prefix_(facts.architecture + "."), path_(path + "/metadata/") {}

  bool has(std::string_view key) const { return find(key) != nullptr; }
  // A whole number within bounds; `fallback` when absent.
  std::int64_t number(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t fallback) const;
  // The same where the metadata may have one number for all layers or one for each.
  std::int64_t at_layer(std::string_view key, std::size_t layer, std::int64_t low, std::int64_t high,
                        std::int64_t fallback) const;
  double real(std::string_view key, double fallback) const;
  bool flag(std::string_view key, bool fallback) const;
  const Json* find(std::string_view key) const;
  std::string path_of(std::string_view key) const { return path_ + prefix_ + std::string(key); }

 private:
  std::int64_t checked(const Json& value, std::string_view key, std::int64_t low, std::int64_t high) const;

  const Json& metadata_;
  std::string prefix_;
  std::string path_;
};

// The window of every layer, as llama.cpp places them. windows.cpp.
struct LayerWindow {
  Span span = Span::full;
  std::int64_t window = 0;
};
std::vector<LayerWindow> windows_of(const std::string& architecture, const Hyperparameters& hp, std::size_t layers);

// mixers.cpp: the recurrent mixer of a layer that has one.
StateMixer state_of(const std::string& architecture, const Hyperparameters& hp, const LayerTensors& tensors,
                    std::size_t layer, std::int64_t hidden);
bool has_state(const LayerTensors& tensors);

// file_format.cpp: the weight format that a file is called by. `said` is what its metadata calls it where the tensors
// are something else, and empty where they are not; `mostly` is the type that most of its bytes have.
struct FileFormat {
  std::string id;
  std::string said;
  std::string mostly;
};
FileFormat format_of_gguf(const FileFacts& facts);

// roles.cpp: what a tensor is, by its name after "blk.N." (layer) or its whole name.
Role role_of(std::string_view name, bool in_layer, std::size_t dimensions);

}  // namespace vram::read
