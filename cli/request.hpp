// From flags to a request of the JSON border (docs/api.md), and from its errors back to flags.
#pragma once

#include <string>
#include <string_view>

#include "numbers.hpp"
#include "set_up.hpp"

namespace vram::cli {

struct Request {
  std::string text;  // one JSON object on one line
  std::string note;  // what was decided on the way, for the person: the GPU that was found; empty when nothing was
  bool has_gpu = false;
};

// `op` is estimate, max_context or max_batch; `also` goes into the field of that name. Looks for a GPU when none is
// named. Throws Problem for what is no number, no file, or says two things at once.
Request request_of(std::string_view op, const SetUp& set_up, const std::vector<std::string>& also);

// The engine that serves checkpoints or caches of this format when llama.cpp, the default, has no such type; else "".
std::string engine_of_format(const std::string& weights, const std::string& kv_cache);

// The flag behind a JSON pointer into such a request: "/model/manual/head_dim" -> "--head-dim".
std::string flag_of(std::string_view pointer);

// Parts of it that other requests have as well. `note`: what is to be said of a GPU that was looked for in this
// machine.
std::string model_text(const SetUp& set_up);
Json gpu_of(const SetUp& set_up, std::string& note);
// "q4_k_m", or "gptq:bits=4,group_size=128".
Json weights_of(const std::string& text);

}  // namespace vram::cli
