// A forward pass that writes its own backward: every operation says which tensors it saves, as PyTorch's formulas do
// (tools/autograd/derivatives.yaml); the backward reads them and makes the gradients. Both go on one tape.
#pragma once

#include <array>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "vram/tape.hpp"

namespace vram {

// A tensor of the forward pass.
struct Var {
  std::int32_t index = -1;
};

// What the backward of an operation reads: some of its inputs, its output, `extra` bytes beside them (a mask, a
// statistic). `scratch` is needed during the operation, forward and backward.
struct Saved {
  std::vector<Var> inputs = {};
  bool output = false;
  Bytes extra = 0;
  Bytes scratch = 0;
};

class Autograd {
 public:
  Var input(std::string_view name, Bytes bytes, bool needs_grad);
  Var op(std::string_view name, Bytes bytes, std::initializer_list<Var> inputs, const Saved& saved = {});
  // A sum: its gradient is passed on as it is.
  Var sum(std::string_view name, Bytes bytes, Var a, Var b);
  // Memory that nothing is saved of.
  void scratch(std::string_view name, Bytes bytes) { tape_.op(name, bytes, {}); }

  // Writes the backward pass that starts with the gradient of `out`. Call once, last.
  void backward(Var out);

  struct Profile {
    Bytes saved = 0;          // alive between forward and backward, `out` not counted
    Bytes forward_peak = 0;   // during the forward pass, input and output counted
    Bytes backward_peak = 0;  // during the backward pass, what was saved counted
  };
  Profile profile(Var out) const;

 private:
  struct Tensor {
    TapeId id = -1;
    Bytes bytes = 0;
    bool needs_grad = false;
    TapeId grad = -1;
  };
  struct Node {
    std::string_view name;
    std::vector<std::int32_t> inputs;
    std::vector<TapeId> saved;
    std::int32_t output = -1;
    Bytes scratch = 0;
    bool passes = false;
  };
  Tensor& at(Var var) { return tensors_[static_cast<std::size_t>(var.index)]; }

  Tape tape_;
  std::vector<Tensor> tensors_;
  std::vector<Node> nodes_;
  std::size_t boundary_ = 0;  // operations of the forward pass
};

}  // namespace vram
