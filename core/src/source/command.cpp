#include "source/command.hpp"

#include "source/text.hpp"

namespace vram {
namespace {

constexpr std::string_view kRepositoryFlags[] = {"-hf", "-hfr", "--hf-repo", "-m", "--model", "--model-path"};
constexpr std::string_view kFileFlags[] = {"-hff", "--hf-file", "--include"};
constexpr std::string_view kVerbs[] = {"run", "pull", "show", "download", "clone", "serve", "lfs", "repo", "install"};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  for (const std::string_view each : words) {
    if (word == each) return true;
  }
  return false;
}

}  // namespace

Pasted without_command(std::string_view text) {
  const std::vector<std::string_view> words = split(text, " \t\r\n\\");
  Pasted pasted;
  if (words.size() < 2) {
    pasted.thing = text;
    return pasted;
  }
  // What follows a flag that names the model wins over everything else.
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (is_one_of(words[i], kRepositoryFlags) && pasted.thing.empty()) pasted.thing = trimmed(words[i + 1]);
    if (is_one_of(words[i], kFileFlags) && pasted.file.empty()) pasted.file = trimmed(words[i + 1]);
  }
  if (!pasted.thing.empty()) return pasted;
  // Else the first word that is neither the program, nor its verb, nor a flag.
  std::size_t at = words[0] == "$" || words[0] == "sudo" ? 2 : 1;
  pasted.ollama = words[at - 1] == "ollama";
  while (at < words.size() && (is_one_of(words[at], kVerbs) || words[at].starts_with('-'))) ++at;
  if (at < words.size()) pasted.thing = trimmed(words[at]);
  const bool takes_file = words[at < words.size() ? at - 1 : 0] == "download";
  if (takes_file && at + 1 < words.size() && !words[at + 1].starts_with('-') && pasted.file.empty()) {
    pasted.file = trimmed(words[at + 1]);
  }
  return pasted;
}

}  // namespace vram
