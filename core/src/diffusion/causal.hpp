// Convolutions of video autoencoders that look back in time: each keeps the last frames it saw for the next piece of
// the clip.
#pragma once

#include "diffusion/trace.hpp"

namespace vram::diffusion {

// The caches of all convolutions of a model, in the order in which they run. Those of the piece before are there until
// the piece is done.
class CausalCaches {
 public:
  // What this convolution kept from the piece before; empty in the first piece.
  Tensor before() const { return at_ < old_.size() ? old_[at_] : Tensor(); }
  void keep(Tensor cache) {
    fresh_.push_back(std::move(cache));
    ++at_;
  }
  void next_piece() {
    old_ = std::move(fresh_);
    fresh_.clear();
    at_ = 0;
  }
  // Gives up what was kept from the piece before (until diffusers 0.30 a convolution held one cache at a time).
  void forget() {
    if (at_ < old_.size()) old_[at_].reset();
  }

 private:
  std::vector<Tensor> old_, fresh_;
  std::size_t at_ = 0;
};

// Pieces of a clip: runs the first two and the last, whose peaks no other exceeds; of the others only the result stays.
// `piece(i)` returns what it decodes; `result_frames(i)` its length.
template <class Piece>
std::vector<Tensor> pieces(Trace& t, Size count, Piece piece) {
  std::vector<Tensor> results;
  for (Size i = 0; i < count; ++i) {
    if (i < 2 || i == count - 1) {
      results.push_back(i == 0 ? piece(i) : t.uncounted([&] { return piece(i); }));
    } else {
      results.push_back(t.make(results[1].shape(), results[1].dtype(), "decoded piece"));
    }
  }
  return results;
}

}  // namespace vram::diffusion
