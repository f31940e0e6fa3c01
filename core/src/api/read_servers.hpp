// Options of the servers. Internal to api/.
#pragma once

#include "api/request.hpp"

namespace vram {

VllmOptions read_vllm(const ObjectReader& reader, const CallerRows& rows);
SglangOptions read_sglang(const ObjectReader& reader);
TensorRtLlmOptions read_tensorrt_llm(const ObjectReader& reader);

// vllm, transformers, sglang, tensorrt-llm, mlx, exllamav2 and exllamav3, by name.
EngineOptions read_other_engine(std::string_view name, const ObjectReader& reader, const CallerRows& rows);

// Engines that serve many requests from a pool of their own: vLLM and its kin.
bool is_server(const EngineOptions& engine);

}  // namespace vram
