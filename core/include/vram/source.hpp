// Where weights lie: what people paste, turned into addresses; what a host lists, turned into models to choose from.
// No I/O: the caller fetches `list_url` and the files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vram/result.hpp"

namespace vram {

struct Location {
  enum class Host : std::uint8_t { hugging_face, modelscope, ollama, web };
  Host host = Host::web;
  std::string repository;    // "org/name"; empty on the open web
  std::string revision;      // branch, tag or commit; the tag of an Ollama model
  std::string path;          // file or folder in the repository; empty: all of it. On the web: the file's name
  bool folder = false;       // `path` is a folder (or empty)
  std::string query;         // on the open web: "?..." of the file's own address
  std::string quantization;  // what stood after a colon: "Q4_K_M"; empty: none
  std::string list_url;      // lists the repository's files as JSON; empty on the open web
  std::string base_url;      // a file's address is this and its path, percent-encoded; ends with '/'
};
std::string_view name_of(Location::Host host);  // "hugging_face"

// Mirrors: addresses that speak the same language as the host they stand for. No '/' at the end.
struct Endpoints {
  std::string hugging_face = "https://huggingface.co";
  std::string modelscope = "https://www.modelscope.cn";
  std::string ollama = "https://registry.ollama.ai";
};

// Reads `org/name`, `org/name:Q4_K_M`, `org/name/folder/file.gguf`, every address a browser shows for a repository, a
// folder or a file of Hugging Face or ModelScope, `hf://`, `hf.co/...`, any other http(s) address of a file, and
// commands as they are pasted (`ollama run ...`, `llama-server -hf ...`, `hf download ...`, `git clone ...`).
// Errors (path "/text"): empty or longer than 2,048 bytes, no model meant (a data set, a space, a search), characters
// that no host allows. Sources: huggingface.co docs/hub, docs/huggingface_hub/guides/download; llama.cpp common/arg.cpp
// (-hf <user>/<model>[:quant]); modelscope.cn docs.
Result<Location> locate(std::string_view text, const Endpoints& endpoints);

// The address of a file of that repository.
std::string url_of(const Location& location, std::string_view path);

struct ListedFile {
  std::string path;
  std::int64_t bytes = -1;  // -1: not stated
};

// One thing to read out of a repository.
struct Choice {
  std::string name;        // "Q4_K_M", the folder, or the file's name
  std::string_view kind;   // "gguf", "mmproj", "safetensors", "diffusers", "adapter", "pytorch", "onnx", "ollama"
  std::int64_t bytes = 0;  // of its weights; -1 when a size is not stated
  std::vector<ListedFile> files;  // weights first, then the small files beside them
};

// The models among the files below location.path, weights people would load first: a GGUF with all of its parts is one
// choice, a folder of safetensors one, a Diffusers pipeline one. Smallest first within a kind.
std::vector<Choice> choices_among(const std::vector<ListedFile>& files, const Location& location);

// The choice that the location names by its quantization, its file or by being the only one; -1: people must choose.
int chosen_by(const Location& location, const std::vector<Choice>& choices);

}  // namespace vram
