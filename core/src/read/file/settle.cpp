// When all has been read: what kind of thing it is, and what the config says otherwise than the tensors.
#include "read/config.hpp"
#include "read/file/state.hpp"

namespace vram {

void FileReader::State::settle() {
  const std::string whole = sources.empty() ? "" : sources.begin()->first;
  facts.tensors.check_names(whole);
  for (read::PipelineComponent& component : facts.components) component.tensors.check_names(component.name);
  facts.projector.check_names(whole);
  if (facts.config.is_object() && facts.architecture.empty()) {
    const auto type = facts.config.find("model_type");
    if (type != facts.config.end() && type->is_string()) facts.architecture = type->get<std::string>();
  }
  if (facts.kind.empty()) facts.kind = read::kind_by_names(facts.tensors, facts.architecture);
  if (facts.kind.empty()) facts.kind = facts.config.is_object() ? "model" : "weights";
}

}  // namespace vram
