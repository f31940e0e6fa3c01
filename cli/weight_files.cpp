#include "weight_files.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "problem.hpp"
#include "reader_loop.hpp"
#include "remote_weights.hpp"

namespace vram::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMostFiles = 100'000;
constexpr int kDeepest = 4;  // folders below the one that was named

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// The files that are there; those that the reader asks for beyond them are looked for on the disk.
struct Listing {
  fs::path folder;
  Json sources;
};

Listing list_of(const fs::path& path, const std::string& flag) {
  std::error_code problem;
  Listing listing;
  Json files = Json::array();
  if (!fs::is_directory(path, problem)) {
    const auto bytes = fs::file_size(path, problem);
    if (problem)
      throw Problem{flag, "cannot read this file: " + problem.message(), path.string(), "a file or a folder"};
    listing.folder = path.parent_path();
    files.push_back({{"name", path.filename().string()}, {"bytes", bytes}});
    listing.sources = {{"files", files}, {"complete", false}};
    return listing;
  }
  listing.folder = path;
  auto entry = fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied, problem);
  for (const auto end = fs::recursive_directory_iterator(); !problem && entry != end; entry.increment(problem)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      if (name.starts_with('.') || entry.depth() >= kDeepest) entry.disable_recursion_pending();
      continue;
    }
    if (name.starts_with('.') || !entry->is_regular_file(ignored)) continue;
    if (files.size() >= kMostFiles)
      throw Problem{flag, "this folder has more than 100,000 files", path.string(), "the folder of one model"};
    files.push_back(
        {{"name", entry->path().lexically_relative(path).generic_string()}, {"bytes", entry->file_size(ignored)}});
  }
  if (problem) throw Problem{flag, "cannot read this folder: " + problem.message(), path.string(), ""};
  if (files.empty()) throw Problem{flag, "this folder is empty", path.string(), "a folder of weights"};
  listing.sources = {{"files", files}, {"complete", true}};
  return listing;
}

}  // namespace

bool names_weights(const std::string& text) {
  std::error_code ignored;
  if (text.empty()) return false;
  if (fs::is_regular_file(text, ignored))
    return true;  // a folder's name may be that of a model: "llama-3.1-8b/" is meant
  for (const char* ending : {".gguf", ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".onnx", ".json"}) {
    if (text.ends_with(ending)) return true;
  }
  return text.find('/') != text.npos || text.find('\\') != text.npos || names_remote(text);
}

std::string read_weights(const std::string& path, const std::string& flag) {
  if (names_remote(path)) return read_remote_weights(path, flag);
  const Listing listing = list_of(path, flag);
  std::map<std::string, std::unique_ptr<std::FILE, Close>> open;
  const Bring bring = [&](const Need& need) -> std::optional<std::vector<unsigned char>> {
    if (open.size() > 64) open.clear();  // a model in a thousand parts must not hold a thousand files open
    const std::string place = (listing.folder / need.file).string();
    auto& file = open[need.file];
    if (!file) file.reset(std::fopen(place.c_str(), "rb"));
    if (!file) {
      if (!need.optional) throw Problem{flag, "cannot open this file: " + std::string(std::strerror(errno)), place, ""};
      open.erase(need.file);
      return std::nullopt;
    }
    std::vector<unsigned char> bytes(static_cast<std::size_t>(need.length));
    const bool there = fseeko(file.get(), need.offset, SEEK_SET) == 0;
    bytes.resize(there ? std::fread(bytes.data(), 1, bytes.size(), file.get()) : 0);
    if (std::ferror(file.get()))
      throw Problem{flag, "cannot read this file: " + std::string(std::strerror(errno)), place, ""};
    return bytes;
  };
  return read_by(listing.sources.dump(-1, ' ', false, Json::error_handler_t::replace), bring, flag, path);
}

}  // namespace vram::cli
