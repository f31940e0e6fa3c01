// A shorter model with the same compute buffers.
#pragma once

#include <optional>

#include "llm/engines/llama_cpp/placement.hpp"
#include "llm/engines/llama_cpp/settings.hpp"

namespace vram::llama_cpp {

// With every layer on one GPU, nothing of a layer outlives the next one: the allocator meets the same tensors in the
// same places every few layers, and a stack of repeating layers peaks where a shorter one does. Returns `model` without
// the layers (and tensors) that repeat, or nothing where that does not hold or does not pay. tests/core/llama_cpp_stack_test.cpp
// compares both over the whole catalogue.
std::optional<Model> short_stack(const Model& model, const Settings& settings, const Placement& placement);

}  // namespace vram::llama_cpp
