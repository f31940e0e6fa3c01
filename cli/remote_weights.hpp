// Weights on the web: Hugging Face, ModelScope, Ollama's library or any address, read by HTTP ranges.
#pragma once

#include <string>

namespace vram::cli {

// True for what is meant as a place on the web: an address, a known host, or owner/name that is no file here.
bool names_remote(const std::string& text);

// The `file` value of docs/api.md, as JSON text. What was read before is kept in the user's cache folder by address,
// size and ETag, and serves without a network too. HF_ENDPOINT, MODELSCOPE_ENDPOINT and OLLAMA_ENDPOINT name mirrors,
// HF_TOKEN a token for gated repositories, sent to that host only. Throws Problem, naming `flag`; when a repository
// holds several models and the text says not which, the Problem lists them with their sizes.
std::string read_remote_weights(const std::string& text, const std::string& flag);

}  // namespace vram::cli
