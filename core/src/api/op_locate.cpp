// "locate": what people paste, as addresses. "choose": what a host lists there, as models to read.
#include "api/ops.hpp"
#include "vram/source.hpp"

namespace vram {
namespace {

std::string endpoint_of(const ObjectReader& reader, std::string_view key, const std::string& standard) {
  std::string endpoint = reader.string_or(key, standard);
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const bool web = endpoint.starts_with("https://") || endpoint.starts_with("http://");
  if (!web || endpoint.size() > 256 || endpoint.find_first_of(" \"<>\\?#@") != endpoint.npos)
    refuse(reader.path_of(key), "this is no address of a host", shown(Json(endpoint)),
           "https://hf-mirror.com, for instance");
  return endpoint;
}

Location location_of(const ObjectReader& reader) {
  Endpoints endpoints;
  if (const Json* given = reader.find("endpoints")) {
    const ObjectReader of(*given, reader.path_of("endpoints"));
    of.only({"hugging_face", "modelscope", "ollama"});
    endpoints.hugging_face = endpoint_of(of, "hugging_face", endpoints.hugging_face);
    endpoints.modelscope = endpoint_of(of, "modelscope", endpoints.modelscope);
    endpoints.ollama = endpoint_of(of, "ollama", endpoints.ollama);
  }
  Result<Location> location = locate(reader.string("text"), endpoints);
  if (!location) throw BadInput{location.error()};
  return *location;
}

std::string json_text(std::string_view text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

void text_or_null(JsonWriter& out, std::string_view key, const std::string& text) {
  out.key(key).raw(text.empty() ? std::string("null") : json_text(text));
}

void write_location(JsonWriter& out, const Location& location) {
  out.field("host", name_of(location.host));
  text_or_null(out, "repository", location.repository);
  text_or_null(out, "revision", location.revision);
  text_or_null(out, "path", location.path);
  out.field("folder", location.folder);
  text_or_null(out, "quantization", location.quantization);
  text_or_null(out, "list_url", location.list_url);
  text_or_null(out, "base_url", location.base_url);
  text_or_null(out, "url", location.folder ? "" : url_of(location, location.path));
}

constexpr std::size_t kMostFiles = 200'000;

void add_file(std::vector<ListedFile>& files, const Json& row, const char* path, const char* bytes) {
  const auto name = row.find(path);
  if (name == row.end() || !name->is_string() || files.size() >= kMostFiles) return;
  const auto size = row.find(bytes);
  const bool sized = size != row.end() && size->is_number_integer() && *size >= 0 && *size < (std::int64_t{1} << 53);
  files.push_back({name->get<std::string>(), sized ? size->get<std::int64_t>() : -1});
}

// The rows of one page of a listing, as each host gives them. Other shapes are refused, naming the page.
void add_page(std::vector<ListedFile>& files, const Json& page, Location::Host host, const std::string& path) {
  const Json* rows = &page;
  const auto step = [&](const char* key) {
    const auto inner = rows->is_object() ? rows->find(key) : rows->end();
    if (!rows->is_object() || inner == rows->end()) return false;
    rows = &*inner;
    return true;
  };
  bool known = true;
  if (host == Location::Host::modelscope) known = step("Data") && step("Files");
  if (host == Location::Host::ollama) known = step("layers");
  if (!known || !rows->is_array())
    refuse(path, "this is no list of files", shown(page), "what list_url of \"locate\" gives");
  for (const Json& row : *rows) {
    if (!row.is_object()) continue;
    if (host == Location::Host::ollama) {
      if (row.value("mediaType", Json()) == "application/vnd.ollama.image.model")
        add_file(files, row, "digest", "size");
    } else if (host == Location::Host::modelscope) {
      if (row.value("Type", Json()) != "tree") add_file(files, row, "Path", "Size");
    } else if (row.value("type", Json()) != "directory") {
      add_file(files, row, "path", "size");
    }
  }
}

}  // namespace

std::string answer_locate(const Json& request) {
  const ObjectReader reader(request, "");
  reader.only({"op", "text", "endpoints"});
  const Location location = location_of(reader);
  JsonWriter out(1024);
  out.begin_object().field("ok", true).field("op", "locate");
  write_location(out, location);
  out.end_object();
  return out.take();
}

std::string answer_choose(const Json& request) {
  const ObjectReader reader(request, "");
  reader.only({"op", "text", "endpoints", "pages"});
  const Location location = location_of(reader);
  const Json* pages = reader.find("pages");
  if (pages == nullptr || !pages->is_array())
    refuse("/pages", "pages is missing", "", "a list of what list_url of \"locate\" gives");
  std::vector<ListedFile> files;
  for (std::size_t i = 0; i < pages->size(); ++i) add_page(files, (*pages)[i], location.host, path_at("/pages", i));
  const std::vector<Choice> choices = choices_among(files, location);
  const int chosen = chosen_by(location, choices);
  JsonWriter out(16'384);
  out.begin_object()
      .field("ok", true)
      .field("op", "choose")
      .field("file_count", static_cast<std::int64_t>(files.size()));
  out.key("chosen");
  if (chosen < 0) {
    out.null();
  } else {
    out.value(chosen);
  }
  out.key("choices").begin_array();
  for (const Choice& choice : choices) {
    out.begin_object().key("name").raw(json_text(choice.name)).field("kind", choice.kind);
    out.key("bytes").raw(choice.bytes < 0 ? "null" : std::to_string(choice.bytes)).key("files").begin_array();
    for (const ListedFile& file : choice.files) {
      out.begin_object().key("name").raw(json_text(file.path));
      out.key("bytes").raw(file.bytes < 0 ? "null" : std::to_string(file.bytes)).end_object();
    }
    out.end_array().end_object();
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace vram
