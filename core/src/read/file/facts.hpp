// What a file or folder turned out to hold: the `file` value of docs/api.md before it is written, and after it came
// back.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "json/checked.hpp"
#include "read/file/tensor_list.hpp"
#include "vram/model.hpp"

namespace vram::read {

struct FilePart {
  std::string name;         // below the folder
  std::int64_t bytes = -1;  // -1: unknown
  std::int64_t header_bytes = 0;
};

// A piece of a pipeline: one model with a class and a folder of its own.
struct PipelineComponent {
  std::string name;        // "transformer", as model_index.json has it
  std::string library;     // "diffusers", "transformers"
  std::string class_name;  // "FluxTransformer2DModel"; empty: switched off
  Json config;             // null: none, or none was found
  TensorList tensors;
};

struct FileFacts {
  std::string format;  // gguf, safetensors, pytorch, onnx, diffusers, peft, ollama, config
  std::string kind;    // model, mmproj, adapter, control_vector, imatrix, vocabulary, diffusion, pipeline, weights
  std::string name;    // for people; may be empty
  std::string architecture;  // general.architecture of a GGUF, model_type of a config, class of a pipeline
  std::vector<FilePart> files;
  Json metadata = Json::object();  // GGUF and safetensors
  Json config;                     // config.json, adapter_config.json; null: none
  TensorList tensors;
  std::deque<PipelineComponent> components;  // whose places are kept while they are read
  std::vector<Warning> warnings;
  // The mmproj that lay beside a GGUF.
  TensorList projector;

  std::int64_t vocabulary = 0;
};

// The JSON object `file`, on one line, in a fixed order.
std::string written(const FileFacts& facts);

// What is in a file, seen by its tensors' names: "diffusion", "adapter", "control_vector"; empty when the names say
// nothing. `architecture` gets the diffusion family ("flux", "sdxl") where the names tell it.
std::string kind_by_names(const TensorList& tensors, std::string& architecture);

// The part of a model that a tensor belongs to, for sums: "attention", "experts", "vision", "text_encoder".
std::string_view part_by_name(std::string_view name, bool diffusion);

}  // namespace vram::read
