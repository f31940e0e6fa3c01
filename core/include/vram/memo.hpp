// What estimates that share a model find again instead of computing again.
#pragma once

#include <memory>
#include <vector>

namespace vram {

// Intermediate results of estimates of one model: weights per format, replayed graphs per shape. An estimate answers
// the same with any memo as without one, only sooner; that is what searches and sweeps are made of. Precondition: every
// request that it is used with has the same `model`, unchanged. Its size is bounded.
class EstimateMemo {
 public:
  EstimateMemo() = default;
  EstimateMemo(const EstimateMemo&) = delete;
  EstimateMemo& operator=(const EstimateMemo&) = delete;

  // What an engine keeps, in a struct of its own: made when first asked for.
  template <class T>
  T& part() {
    for (const Part& part : parts_) {
      if (part.type == &type_of<T>) return *static_cast<T*>(part.kept.get());
    }
    parts_.push_back({&type_of<T>, std::make_shared<T>()});
    return *static_cast<T*>(parts_.back().kept.get());
  }

 private:
  template <class T>
  static inline const char type_of = 0;  // its address tells types apart
  struct Part {
    const void* type;
    std::shared_ptr<void> kept;
  };
  std::vector<Part> parts_;
};

}  // namespace vram
