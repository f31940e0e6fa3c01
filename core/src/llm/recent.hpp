// A bounded memory of results by key. Internal to llm/.
#pragma once

#include <cstddef>
#include <functional>
#include <unordered_map>

namespace vram {

// `Key` compares with == and has hash(). Results stay where they are until one more than `Most` comes in: then all are
// forgotten, so a reference is good until the next call with another key.
template <class Key, class Value, std::size_t Most>
class Recent {
 public:
  template <class Make>
  Value& of(const Key& key, Make&& make) {
    if (last_ != nullptr && last_->first == key) return last_->second;
    auto at = kept_.find(key);
    if (at == kept_.end()) {
      Value value = make();
      if (kept_.size() >= Most) kept_.clear();
      at = kept_.emplace(key, std::move(value)).first;
    }
    last_ = &*at;
    return last_->second;
  }

 private:
  struct Hash {
    std::size_t operator()(const Key& key) const { return key.hash(); }
  };
  using Map = std::unordered_map<Key, Value, Hash>;
  Map kept_;
  typename Map::value_type* last_ = nullptr;
};

// For hash(): 64 bits mixed so that small differences reach all of them.
inline std::size_t mixed(std::size_t seed, std::size_t value) {
  std::uint64_t h = (static_cast<std::uint64_t>(seed) ^ static_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15u;
  return static_cast<std::size_t>(h ^ h >> 29);
}

}  // namespace vram
