// One forward and one backward pass over the sections, each with the profile of its tape. With checkpointing
// (torch.utils.checkpoint around every layer) only the input of a layer is kept and the layer runs again. Gradients
// appear section by section from the end; those of earlier micro-batches are there from the start.
#include "training/schedule.hpp"

#include <algorithm>

#include "llm/parts.hpp"
#include "training/layer_tape.hpp"

namespace vram {
namespace {

TrainingShape shape_of(const TrainingRequest& request) {
  const TrainingOptions& o = request.options;
  TrainingShape shape;
  shape.rows = o.micro_batch_size;
  shape.tokens = o.sequence_length;
  shape.hidden = request.model->hidden_size;
  shape.element = o.precision == TrainingOptions::Precision::fp32 ? 4 : 2;
  // Under autocast an adapter's input becomes 16 bits again; in 32 bits without it, unless the adapter is not.
  const bool plain_16 = o.precision == TrainingOptions::Precision::bf16;
  shape.adapter_element = plain_16 && !o.adapters_in_16_bit ? 4 : shape.element;
  shape.rank = o.lora_rank;
  shape.unpacks = o.method == TrainingOptions::Method::qlora;
  shape.options = &request.options;
  return shape;
}

// Profiles of layers that differ in nothing are computed once.
class Profiles {
 public:
  Profiles(const TrainingShape& shape, const Model& model) : shape_(shape), model_(model) {}

  const Autograd::Profile& of(std::size_t layer) {
    const Layer& wanted = model_.layers[layer];
    for (const auto& [known, profile] : seen_) {
      if (*known == wanted) return profile;
    }
    seen_.emplace_back(&wanted, layer_profile(shape_, wanted));
    return seen_.back().second;
  }

 private:
  TrainingShape shape_;
  const Model& model_;
  std::vector<std::pair<const Layer*, Autograd::Profile>> seen_;
};

}  // namespace

StepPeak step_peak(const TrainingRequest& request, const Sections& sections, std::int64_t divide_gradients_by) {
  const TrainingOptions& o = request.options;
  const Model& model = *request.model;
  StepPeak peak;
  const auto share = [&](const Section& section) { return ceil_div(section.gradients, divide_gradients_by); };
  Bytes all = add(share(sections.embeddings), add(share(sections.head), share(sections.towers)));
  Bytes largest = std::max(share(sections.embeddings), share(sections.head));
  for (const Section& layer : sections.layers) {
    all = add(all, share(layer));
    largest = std::max(largest, share(layer));
  }
  peak.gradients = o.optimizer_in_backward ? largest : all;
  const bool kept = o.gradient_accumulation_steps > 1 && !o.optimizer_in_backward;
  Bytes so_far = kept ? all : 0;
  const auto see = [&](Bytes activations) {
    peak.activations = std::max(peak.activations, activations);
    peak.joint = std::max(peak.joint, add(activations, so_far));
  };
  const auto grows = [&](const Section& section) {
    if (!kept) so_far = o.optimizer_in_backward ? share(section) : add(so_far, share(section));
  };
  peak.joint = peak.gradients;
  if (shape_of(request).hidden == 0) return peak;

  const TrainingShape shape = shape_of(request);
  Profiles profiles(shape, model);
  const Bytes hidden = product({shape.rows, shape.tokens, shape.hidden, shape.element});
  Bytes saved = hidden;  // the embeddings
  std::vector<Bytes> before(model.layers.size());
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    before[i] = saved;
    const Autograd::Profile& p = profiles.of(i);
    see(add(saved, p.forward_peak));
    saved = add(saved, o.gradient_checkpointing ? hidden : p.saved);
  }
  if (model.vocab_size > 0) {
    const bool trained = o.method == TrainingOptions::Method::full || o.train_embeddings;
    const Autograd::Profile head = head_profile(shape, model.vocab_size, trained);
    see(add(saved, head.forward_peak));
    grows(sections.head);
    see(add(saved, head.backward_peak));
  }
  for (std::size_t i = model.layers.size(); i-- > 0;) {
    const Autograd::Profile& p = profiles.of(i);
    grows(sections.layers[i]);
    see(add(before[i], o.gradient_checkpointing ? std::max(p.forward_peak, p.backward_peak) : p.backward_peak));
  }
  grows(sections.embeddings);
  see(hidden);
  return peak;
}

}  // namespace vram
