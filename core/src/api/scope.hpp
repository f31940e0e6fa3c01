// What a program answers: everything, or what a first visit asks about language models. scope() is defined twice, in
// scope_whole.cpp (in the library) and in scope_language.cpp (for the smaller WebAssembly module), and a program links
// one of them: what its scope does not name, the linker leaves out.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/request.hpp"
#include "json/writer.hpp"

namespace vram {

struct Operation {
  std::string_view name;
  std::string (*answer)(const Json& request);
};

// A list of "catalogue": writes its key and its rows.
struct CatalogueList {
  std::string_view name;
  void (*write)(JsonWriter& out);
};

struct Scope {
  std::span<const Operation> operations;
  std::span<const CatalogueList> lists;
  Model (*read_model_file)(const Json& file, const std::string& path);
  // Engines that are not llama.cpp or a program around it: llm/engines/ has its own two files for who computes them.
  EngineOptions (*read_other_engine)(std::string_view name, const ObjectReader& reader, const CallerRows& rows);
  bool whole;  // else what is not named here is Elsewhere
};
const Scope& scope();

// Thrown for what only the whole program answers; call() then gives an empty text.
struct Elsewhere {};

// For both tables of lists (op_catalogue.cpp), and for the whole one (list_pipelines.cpp).
void write_models(JsonWriter& out);
void write_gpus(JsonWriter& out);
void write_weight_formats(JsonWriter& out);
void write_cache_types(JsonWriter& out);
void write_engines(JsonWriter& out);
void write_pipelines(JsonWriter& out);
void write_quantizations(JsonWriter& out);

}  // namespace vram
