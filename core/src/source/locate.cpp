#include <algorithm>
#include <array>

#include "source/command.hpp"
#include "source/text.hpp"
#include "vram/source.hpp"

namespace vram {
namespace {

constexpr std::size_t kLongest = 2048;
constexpr const char* kForms = "org/name, hf.co/org/name:Q4_K_M, or the address of a repository or a file";

Error refused(std::string_view text, std::string message, std::string expected = kForms) {
  std::string shown = "\"";
  for (const char c : text.substr(0, 80)) shown += c < ' ' || c == '"' || c == '\\' || c > '~' ? '?' : c;
  return {"/text", std::move(message), shown + '"', std::move(expected)};
}

// "https://huggingface.co/a" -> "huggingface.co"
std::string host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != url.npos) url.remove_prefix(scheme + 3);
  const std::string host = lower(before(url, "/?#"));
  return host.starts_with("www.") ? host.substr(4) : host;
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 96 || text == "." || text.find("..") != text.npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

bool is_path(std::string_view path) {
  for (const std::string_view piece : split(path, "/")) {
    if (piece == "." || piece == "..") return false;
  }
  return std::none_of(path.begin(), path.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

struct Address {
  std::vector<std::string> pieces;  // of the path, decoded
  std::string query;
};

Address address_of(std::string_view rest) {
  Address address;
  const std::string_view path = before(rest, "?#");
  if (path.size() < rest.size() && rest[path.size()] == '?') address.query = before(rest.substr(path.size() + 1), "#");
  for (const std::string_view piece : split(path, "/")) address.pieces.push_back(percent_decoded(piece));
  return address;
}

std::string in_query(const std::string& query, std::string_view key) {
  for (const std::string_view pair : split(query, "&")) {
    const auto equals = pair.find('=');
    if (equals != pair.npos && lower(pair.substr(0, equals)) == key) return percent_decoded(pair.substr(equals + 1));
  }
  return {};
}

// Takes "/blob/main/a/b" and its like off `pieces` from `at` on. A revision may hold slashes: refs/pr/1.
void take_view(const std::vector<std::string>& pieces, std::size_t at, Location& location) {
  const std::string& view = pieces[at];
  std::size_t next = at + 1;
  if (next < pieces.size()) {
    location.revision = pieces[next++];
    if (location.revision == "refs" && next + 1 < pieces.size()) {
      location.revision += "/" + pieces[next] + "/" + pieces[next + 1];
      next += 2;
    }
  }
  location.path = joined(pieces, next);
  location.folder = view == "tree" || location.path.empty();
}

bool is_view(std::string_view piece) {
  constexpr std::array<std::string_view, 9> kViews = {"blob", "resolve", "raw",     "tree",  "commit",
                                                      "edit", "blame",   "commits", "delete"};
  return std::find(kViews.begin(), kViews.end(), piece) != kViews.end();
}

// name:quantization or name@revision
void take_suffix(std::string& name, Location& location) {
  const auto mark = name.find_first_of(":@");
  if (mark == name.npos) return;
  (name[mark] == ':' ? location.quantization : location.revision) = name.substr(mark + 1);
  name.resize(mark);
}

Result<Location> hugging_face(std::string_view text, const Address& address, const Endpoints& endpoints) {
  std::vector<std::string> pieces = address.pieces;
  if (!pieces.empty() && pieces[0] == "api") pieces.erase(pieces.begin());
  if (!pieces.empty() && pieces[0] == "models" && pieces.size() > 2) pieces.erase(pieces.begin());
  Location location;
  location.host = Location::Host::hugging_face;
  location.revision = "main";
  location.folder = true;
  if (pieces.empty()) return refused(text, "this names no model");
  for (const char* other : {"datasets", "spaces", "collections", "papers", "docs", "blog", "models", "posts"}) {
    if (pieces[0] == other) return refused(text, "this is a page of " + pieces[0] + ", not of a model");
  }
  const bool legacy = pieces.size() == 1 || is_view(pieces[1]);  // huggingface.co/gpt2
  if (!legacy) take_suffix(pieces[1], location);
  if (legacy) take_suffix(pieces[0], location);
  location.repository = legacy ? pieces[0] : pieces[0] + "/" + pieces[1];
  if (!is_name(pieces[0]) || (!legacy && !is_name(pieces[1]))) return refused(text, "this is no name of a repository");
  const std::size_t next = legacy ? 1 : 2;
  if (pieces.size() > next && is_view(pieces[next])) {
    take_view(pieces, next, location);
  } else if (pieces.size() > next && pieces[next] != "discussions" && pieces[next] != "settings") {
    location.path = joined(pieces, next);
    location.folder = file_name(location.path).find('.') == std::string::npos;
  }
  if (const std::string file = in_query(address.query, "show_file_info"); !file.empty()) {
    location.path = file;
    location.folder = false;
  }
  std::string revision;  // one piece of the address: refs%2Fpr%2F1
  for (const std::string_view piece : split(location.revision, "/")) {
    revision += (revision.empty() ? "" : "%2F") + percent_encoded(piece);
  }
  location.list_url = endpoints.hugging_face + "/api/models/" + location.repository + "/tree/" + revision +
                      (location.folder && !location.path.empty() ? "/" + percent_encoded(location.path) : "") +
                      "?recursive=true";
  location.base_url = endpoints.hugging_face + "/" + location.repository + "/resolve/" + revision + "/";
  return location;
}

Result<Location> modelscope(std::string_view text, const Address& address, const Endpoints& endpoints) {
  std::vector<std::string> pieces = address.pieces;
  if (!pieces.empty() && pieces[0] == "models") pieces.erase(pieces.begin());
  if (pieces.size() < 2) return refused(text, "this names no model", "modelscope.cn/models/org/name");
  Location location;
  location.host = Location::Host::modelscope;
  location.revision = "master";
  location.folder = true;
  take_suffix(pieces[1], location);
  if (!is_name(pieces[0]) || !is_name(pieces[1])) return refused(text, "this is no name of a repository");
  location.repository = pieces[0] + "/" + pieces[1];
  if (pieces.size() > 3 && pieces[2] == "file" && pieces[3] == "view") pieces.erase(pieces.begin() + 2);
  if (pieces.size() > 2 && (pieces[2] == "view" || is_view(pieces[2]))) take_view(pieces, 2, location);
  location.list_url = endpoints.modelscope + "/api/v1/models/" + location.repository +
                      "/repo/files?Revision=" + percent_encoded(location.revision) + "&Recursive=true";
  location.base_url =
      endpoints.modelscope + "/models/" + location.repository + "/resolve/" + percent_encoded(location.revision) + "/";
  return location;
}

Result<Location> ollama(std::string_view text, const Address& address, const Endpoints& endpoints) {
  std::vector<std::string> pieces = address.pieces;
  if (pieces.size() > 1 && pieces[0] == "library") pieces.erase(pieces.begin());
  if (pieces.empty() || pieces.size() > 2) return refused(text, "this names no model of Ollama", "llama3.1:8b");
  Location location;
  location.host = Location::Host::ollama;
  location.revision = "latest";
  location.folder = true;
  std::string& name = pieces.back();
  if (const auto colon = name.find(':'); colon != name.npos) {
    location.revision = name.substr(colon + 1);
    name.resize(colon);
  }
  if (pieces.size() == 1) pieces.insert(pieces.begin(), "library");
  if (!is_name(pieces[0]) || !is_name(pieces[1]) || !is_name(location.revision))
    return refused(text, "this is no name of a model of Ollama", "llama3.1:8b");
  location.repository = pieces[0] + "/" + pieces[1];
  const std::string base = endpoints.ollama + "/v2/" + location.repository;
  location.list_url = base + "/manifests/" + location.revision;
  location.base_url = base + "/blobs/";
  return location;
}

Result<Location> web(std::string_view text, std::string_view url) {
  Location location;
  location.path = percent_decoded(file_name(before(url, "?#")));
  if (location.path.empty()) return refused(text, "this address names no file");
  location.base_url = url.substr(0, before(url, "?#").rfind('/') + 1);
  const std::string_view whole = before(url, "#");
  location.query = whole.substr(before(whole, "?").size());
  return location;
}

Result<Location> located(std::string_view text, std::string_view thing, bool of_ollama, const Endpoints& endpoints) {
  const auto scheme_end = thing.find("://");
  const std::string scheme = scheme_end == thing.npos ? "" : lower(thing.substr(0, scheme_end));
  const std::string_view rest = scheme.empty() ? thing : thing.substr(scheme_end + 3);
  const std::string host = host_of(thing);
  const auto behind_host = [&] { return address_of(rest.substr(before(rest, "/?#").size())); };
  if (scheme == "hf" || scheme == "huggingface") return hugging_face(text, address_of(rest), endpoints);
  if (scheme == "modelscope") return modelscope(text, address_of(rest), endpoints);
  if (scheme == "ollama") return ollama(text, address_of(rest), endpoints);
  if (!scheme.empty() && scheme != "http" && scheme != "https")
    return refused(text, "addresses of this kind cannot be read: " + scheme + "://", "https://, hf:// or org/name");
  if (host == "hf-mirror.com") return hugging_face(text, behind_host(), Endpoints{"https://hf-mirror.com", {}, {}});
  if (host == "huggingface.co" || host == "hf.co") return hugging_face(text, behind_host(), endpoints);
  if (thing.starts_with(endpoints.hugging_face + "/"))
    return hugging_face(text, address_of(thing.substr(endpoints.hugging_face.size())), endpoints);
  if (host == "modelscope.cn" || host == "modelscope.ai" || host == host_of(endpoints.modelscope))
    return modelscope(text, behind_host(), endpoints);
  if (host == "ollama.com" || host == host_of(endpoints.ollama)) return ollama(text, behind_host(), endpoints);
  if (!scheme.empty()) return web(text, thing);
  if (of_ollama) return ollama(text, address_of(rest), endpoints);
  if (thing.find('/') == thing.npos) return refused(text, "a repository has an owner and a name");
  return hugging_face(text, address_of(rest), endpoints);
}

}  // namespace

std::string_view name_of(Location::Host host) {
  constexpr std::array<std::string_view, 4> kNames = {"hugging_face", "modelscope", "ollama", "web"};
  return kNames[static_cast<std::size_t>(host)];
}

std::string url_of(const Location& location, std::string_view path) {
  return location.base_url + percent_encoded(path) + (path == location.path ? location.query : "");
}

Result<Location> locate(std::string_view text, const Endpoints& endpoints) {
  if (text.size() > kLongest) return refused(text, "this is too long for an address", "at most 2,048 characters");
  const Pasted pasted = without_command(trimmed(text));
  if (pasted.thing.empty()) return refused(text, "this names no model");
  Result<Location> found = located(text, pasted.thing, pasted.ollama, endpoints);
  if (!found) return found;
  if (!pasted.file.empty() && pasted.file.find('*') == std::string::npos) {
    found->path = pasted.file;
    found->folder = false;
  }
  while (found->path.ends_with('/')) found->path.pop_back();
  if (!is_path(found->path) || !is_path(found->revision)) return refused(text, "this is no path in a repository");
  return found;
}

}  // namespace vram
