// PEFT 0.17 tuners/lora/layer.py (A: r x in, B: out x r), utils/other.py (modules_to_save is a copy);
// bitsandbytes 0.48 optim/optimizer.py (8-bit states per 256 elements, tensors below 4,096 elements in 32 bits) and
// transformers 4.57 trainer.py (embeddings in 32 bits under 8-bit optimizers); optim/adafactor of transformers
// (a row and a column of a matrix); torch 2.8 optim/adamw.py (state in the dtype of the weight).
#include "training/trainable.hpp"

#include <algorithm>

#include "llm/parts.hpp"
#include "training/layer_tape.hpp"

namespace vram {
namespace {

using Method = TrainingOptions::Method;
using Optimizer = TrainingOptions::Optimizer;
using Precision = TrainingOptions::Precision;
using Strategy = TrainingOptions::Strategy;

struct Module {
  std::string_view name;
  std::vector<Role> roles;
};

const std::vector<Module>& modules() {
  static const std::vector<Module> all = {
      {"q_proj", {Role::attn_q, Role::attn_qkv, Role::attn_q_a, Role::attn_q_b}},
      {"k_proj", {Role::attn_k, Role::attn_qkv, Role::attn_k_b, Role::attn_kv_b, Role::attn_kv_a_mqa}},
      {"v_proj", {Role::attn_v, Role::attn_qkv, Role::attn_v_b}},
      {"o_proj", {Role::attn_output, Role::attn_gate}},
      {"gate_proj", {Role::ffn_gate, Role::ffn_gate_exps, Role::ffn_gate_up_exps, Role::ffn_gate_shexp}},
      {"up_proj", {Role::ffn_up, Role::ffn_up_exps, Role::ffn_gate_up_exps, Role::ffn_up_shexp}},
      {"down_proj", {Role::ffn_down, Role::ffn_down_exps, Role::ffn_down_shexp}},
  };
  return all;
}

constexpr Role kOtherLinear[] = {Role::ssm_in,         Role::ssm_x,         Role::ssm_dt,   Role::ssm_out,
                                 Role::shortconv_in,   Role::shortconv_out, Role::time_mix, Role::per_layer_inp_gate,
                                 Role::per_layer_proj, Role::laurel_l,      Role::laurel_r, Role::matrix,
                                 Role::opaque};

bool is_embedding(Role role) {
  return role == Role::token_embd || role == Role::position_embd || role == Role::per_layer_token_embd;
}

// Bytes of an element: of trained weights, their gradients, the optimizer's state, the copy in 32 bits.
struct Elements {
  Bytes weight = 4, gradient = 4, state = 4, master = 0;
};

bool deepspeed(const TrainingOptions& o) {
  return o.strategy == Strategy::zero_1 || o.strategy == Strategy::zero_2 || o.strategy == Strategy::zero_3;
}

Elements elements_of(const TrainingOptions& o, bool adapter) {
  if (o.precision == Precision::fp32) return {};
  // runtime/bf16_optimizer.py, runtime/zero: 16-bit weights and gradients, 32-bit copy and state.
  if (o.precision != Precision::bf16 && deepspeed(o)) return {2, 2, 4, 4};
  if (adapter) return o.adapters_in_16_bit ? Elements{2, 2, 2, 0} : Elements{};
  if (o.precision == Precision::bf16) return {2, 2, 2, 0};
  return {};
}

Bytes state_bytes(Optimizer optimizer, const Elements& e, std::int64_t rows, std::int64_t columns, std::int64_t count,
                  bool embedding) {
  const std::int64_t n = product({rows, columns, count});
  const bool small = mul(rows, columns) < 4096 || embedding;
  const auto in_8_bits = [&](int states) {
    return small ? product({n, states, 4}) : mul(states, add(n, mul(4, ceil_div(n, 256))));
  };
  switch (optimizer) {
    case Optimizer::sgd: return 0;
    case Optimizer::sgd_momentum:
    case Optimizer::lion: return mul(n, e.state);
    case Optimizer::adamw: return product({n, 2, e.state});
    case Optimizer::paged_adamw: return product({n, 2, 4});  // bitsandbytes: 32 bits whatever the weight's dtype
    case Optimizer::adamw_8bit:
    case Optimizer::paged_adamw_8bit: return in_8_bits(2);
    case Optimizer::lion_8bit: return in_8_bits(1);
    case Optimizer::adafactor:
      return mul(count, rows > 1 && columns > 1 ? mul(add(rows, columns), 4) : mul(mul(rows, columns), 4));
  }
  return 0;
}

void train(Section& section, const TrainingOptions& o, const Elements& e, std::int64_t rows, std::int64_t columns,
           std::int64_t count, bool embedding, Bytes& weights) {
  const std::int64_t n = product({rows, columns, count});
  section.parameters = add(section.parameters, n);
  weights = add(weights, mul(n, e.weight));
  section.master = add(section.master, mul(n, e.master));
  section.gradients = add(section.gradients, mul(n, e.gradient));
  section.optimizer = add(section.optimizer, state_bytes(o.optimizer, e, rows, columns, count, embedding));
  section.optimizer_least = add(section.optimizer_least, state_bytes(o.optimizer, e, rows, columns, count, false));
  // torch 2.8 optim/adam.py, _multi_tensor_adam: one temporary as large as a state; bitsandbytes and fused need none.
  if (o.optimizer == Optimizer::adamw) section.step = add(section.step, mul(n, e.state));
  if (o.optimizer == Optimizer::adafactor) section.step = std::max(section.step, product({rows, columns, 8}));
}

}  // namespace

std::vector<std::string_view> target_module_names() {
  std::vector<std::string_view> names;
  for (const Module& module : modules()) names.push_back(module.name);
  return names;
}

Touch touch_of(const TrainingOptions& options, Role role) {
  if (options.method == Method::full) return Touch::trained;
  bool known = false, asked = options.target_modules.empty();
  for (const Module& module : modules()) {
    if (std::find(module.roles.begin(), module.roles.end(), role) == module.roles.end()) continue;
    known = true;
    const auto& names = options.target_modules;
    asked = asked || std::find(names.begin(), names.end(), module.name) != names.end();
  }
  if (!known) {
    const bool linear = std::find(std::begin(kOtherLinear), std::end(kOtherLinear), role) != std::end(kOtherLinear);
    return linear && options.target_modules.empty() ? Touch::adapted : Touch::frozen;
  }
  return asked ? Touch::adapted : Touch::frozen;
}

Sections sections_of(const TrainingRequest& request) {
  const Model& model = *request.model;
  const TrainingOptions& o = request.options;
  const auto layers = static_cast<std::int64_t>(model.layers.size());
  const Elements whole = elements_of(o, false), adapter = elements_of(o, true);
  const Bytes compute = o.precision == Precision::fp32 ? 4 : 2;
  Sections sections;
  sections.layers.resize(model.layers.size());
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part == Part::mtp) continue;
    const bool opaque = tensor.role == Role::opaque;
    const std::int64_t parts = opaque && layers > 0 ? layers : 1;
    for (std::int64_t part = 0; part < parts; ++part) {
      const bool in_layer = opaque || (tensor.layer >= 0 && tensor.layer < layers);
      const bool head = tensor.role == Role::output || tensor.role == Role::output_norm;
      Section& section = tensor.part != Part::text ? sections.towers
                         : in_layer ? sections.layers[static_cast<std::size_t>(opaque ? part : tensor.layer)]
                         : head     ? sections.head
                                    : sections.embeddings;
      // A model known only by its size has no rows and columns: one long vector per layer.
      const std::int64_t n =
          opaque ? tensor.elements() / parts + (part < tensor.elements() % parts ? 1 : 0) : tensor.elements();
      const std::int64_t in = opaque ? n : tensor.ne0, out = opaque ? 1 : tensor.ne1;
      const std::int64_t count = opaque ? 1 : mul(tensor.ne2, tensor.count);
      section.gathered = add(section.gathered, mul(n, compute));
      const bool embedding = is_embedding(tensor.role);
      const bool lone = (embedding || tensor.role == Role::output) && tensor.part == Part::text;
      if (o.method == Method::full) {
        train(section, o, whole, in, out, count, embedding, section.trained);
        continue;
      }
      const Bytes stored = o.method == Method::qlora && !opaque ? stored_bytes(request.weights, model, tensor)
                           : o.method == Method::qlora ? ceil_div(stored_bytes(request.weights, model, tensor), parts)
                                                       : mul(n, compute);
      section.frozen = add(section.frozen, stored);
      if (lone && o.train_embeddings)
        train(section, o, deepspeed(o) ? whole : Elements{2, 2, 2, 0}, in, out, count, true, section.trained);
      if (tensor.part != Part::text || lone || tensor.is_1d() || touch_of(o, tensor.role) != Touch::adapted) continue;
      train(section, o, adapter, in, o.lora_rank, count, false, section.adapters);
      train(section, o, adapter, o.lora_rank, out, count, false, section.adapters);
      if (o.use_dora) train(section, o, adapter, out, 1, count, false, section.adapters);
    }
  }
  return sections;
}

Section total(const Sections& sections) {
  Section sum;
  const auto take = [&](const Section& s) {
    sum.frozen = add(sum.frozen, s.frozen);
    sum.trained = add(sum.trained, s.trained);
    sum.adapters = add(sum.adapters, s.adapters);
    sum.master = add(sum.master, s.master);
    sum.gradients = add(sum.gradients, s.gradients);
    sum.optimizer = add(sum.optimizer, s.optimizer);
    sum.optimizer_least = add(sum.optimizer_least, s.optimizer_least);
    sum.step = add(sum.step, s.step);
    sum.gathered = add(sum.gathered, s.gathered);
    sum.parameters = add(sum.parameters, s.parameters);
  };
  take(sections.embeddings);
  for (const Section& layer : sections.layers) take(layer);
  take(sections.head);
  take(sections.towers);
  return sum;
}

}  // namespace vram
