// The operations of the border, one file each. `request` is the whole request; answers are written as one JSON object.
#pragma once

#include "json/checked.hpp"
#include "json/writer.hpp"
#include "vram/result.hpp"

namespace vram {

inline constexpr int kApiVersion = 1;

std::string answer_single_estimate(const Json& request);  // "estimate"
std::string answer_max_context(const Json& request);
std::string answer_max_batch(const Json& request);
std::string answer_diffusion(const Json& request);
std::string answer_training(const Json& request);
std::string answer_reference(const Json& request);
std::string answer_catalogue(const Json& request);
std::string answer_profiles(const Json& request);
std::string answer_version(const Json& request);
std::string answer_check_log(const Json& request);
std::string answer_sweep(const Json& request);
// The same with its columns as bytes: see sweep() in vram/api.hpp.
std::string answer_sweep_arrays(const Json& request);

// "error": {path, value, expected, message}
void write_error(JsonWriter& out, const Error& error);
// What people paste as the place of a model, as addresses; what a host lists there, as choices.
std::string answer_locate(const Json& request);
std::string answer_choose(const Json& request);

}  // namespace vram
