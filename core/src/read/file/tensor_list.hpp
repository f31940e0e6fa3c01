// The tensors of a file, equal ones together: "blk.*.attn_q.weight" of layers 0-31 is one row, not 32.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vram/bytes.hpp"

namespace vram::read {

// Tensors of one name (numbers apart), type and shape.
struct TensorGroup {
  std::string name;                 // with "*" for every component that is a number
  std::string type;                 // a tensor type's id, or the format's own name in lower case where we have none
  std::vector<std::int64_t> shape;  // in the order of the file
  Bytes bytes = 0;                  // of one of them
  // How many there are of every first number ("blk.7." counts for 7), in order; one entry when the name has none.
  struct IndexCount {
    std::int32_t index = 0;
    std::int32_t count = 0;
  };
  std::vector<IndexCount> per_index;
  bool indexed = false;

  std::int64_t count() const;
  std::int64_t elements() const;  // of one of them
};

// A row of the list as it is written: the same number of tensors of every index in `indices`.
struct TensorRow {
  const TensorGroup* group = nullptr;
  std::vector<std::int32_t> indices;
  std::int32_t each = 1;
};

class TensorList {
 public:
  // Throws BadInput, naming `file`: more kinds of tensors than any model has.
  void add(const std::string& file, std::string_view name, std::string_view type, const std::int64_t* shape,
           std::size_t dimensions, Bytes bytes);
  // Bytes of a storage whose tensors are not known by name (PyTorch).
  void add_storage(const std::string& file, Bytes bytes);
  // A group as it was written before; tensors may come in several groups of one kind.
  void restore(TensorGroup group);
  // Refuses two tensors of one name. Once, when everything has been added.
  void check_names(const std::string& file);

  const std::vector<TensorGroup>& groups() const { return groups_; }
  std::vector<TensorGroup>& groups() { return groups_; }
  std::int64_t tensors() const { return tensors_; }
  Bytes bytes() const { return bytes_; }

 private:
  struct KeyHash {
    std::size_t operator()(const std::string& key) const;
  };

  std::vector<TensorGroup> groups_;
  std::unordered_map<std::string, std::size_t, KeyHash> known_;
  std::vector<std::uint64_t> names_;  // hashes
  std::string key_;
  std::string pattern_;
  std::int64_t tensors_ = 0;
  std::int64_t storages_ = 0;
  Bytes bytes_ = 0;
};

// The rows of a group: one for every number of tensors per index.
std::vector<TensorRow> rows_of(const TensorGroup& group);

// "0-3,7,9-31"
std::string ranges_text(const std::vector<std::int32_t>& indices);
// Back again; false when the text is no such list, or names an index above `limit`.
bool parse_ranges(std::string_view text, std::int32_t limit, std::vector<std::int32_t>& indices);

bool is_utf8(std::string_view text);
// With every broken byte replaced by U+FFFD, and cut at `limit` bytes.
std::string clean_utf8(std::string_view text, std::size_t limit);

}  // namespace vram::read
