// "gpu": a catalogue id, a size, or a row.
#include <cmath>

#include "api/request.hpp"
#include "vram/catalogue.hpp"

namespace vram {
namespace {

constexpr const char* kForms =
    R"(one of {"id": "rtx-4090"}, {"memory_gib": 24}, {"row": {...}}, each with "count" if not 1)";
constexpr double kLargestMib = 1e9;  // a thousand times the largest there is

Bytes from_mib(double mib) { return static_cast<Bytes>(std::llround(mib * static_cast<double>(kMiB))); }

Gpu named_gpu(const std::string& id, const CallerRows& rows) {
  if (rows.gpus != nullptr) {
    for (std::size_t i = 0; i < rows.gpus->size(); ++i) {
      if ((*rows.gpus)[i]["id"] == id) return read_gpu_row((*rows.gpus)[i], path_at("/rows/gpus", i));
    }
  }
  const CatalogueRow* row = find_row(gpu_rows(), id);
  if (row == nullptr) {
    std::vector<std::string_view> known;
    for (const CatalogueRow& candidate : gpu_rows()) known.push_back(candidate.id);
    refuse("/gpu/id", "no GPU has this id" + did_you_mean(id, known), shown(Json(id)),
           "an id of the catalogue (op \"catalogue\", list \"gpus\"), or {\"memory_gib\": ...}");
  }
  return read_gpu_row(parse_own(row->json), "/gpu");
}

Gpu sized_gpu(double memory_gib) {
  Gpu gpu;
  gpu.name = Json(memory_gib).dump() + " GiB";
  if (memory_gib == std::floor(memory_gib)) gpu.name = std::to_string(std::llround(memory_gib)) + " GiB";
  gpu.memory_bytes = from_mib(memory_gib * 1024);
  gpu.memory_bytes_nominal = gpu.memory_bytes;
  gpu.memory_reported = true;  // the caller says so
  return gpu;
}

}  // namespace

Gpu read_gpu_row(const Json& row, std::string_view path) {
  const ObjectReader reader(row, std::string(path));
  reader.only({"id", "name", "vendor", "architecture", "form_factor", "memory_mib", "memory_reported", "memory_gb",
               "runtime_mib", "unified", "ram_gb", "working_set_mib", "bandwidth_gbps", "compute_capability", "pci_ids",
               "webgpu_architecture", "popular", "source"});
  Gpu gpu;
  gpu.id = reader.string("id");
  gpu.name = reader.string_or("name", gpu.id);
  gpu.vendor = reader.string_or("vendor", "");
  gpu.architecture = reader.string_or("architecture", "");
  gpu.form_factor = reader.string_or("form_factor", "");
  gpu.memory_bytes = from_mib(reader.number("memory_mib", 1, kLargestMib));
  gpu.memory_bytes_nominal =
      from_mib(1024 * reader.number_or("memory_gb", 0.001, kLargestMib / 1024,
                                       static_cast<double>(gpu.memory_bytes) / static_cast<double>(kGiB)));
  gpu.memory_bytes_runtime = from_mib(reader.number_or("runtime_mib", 0, kLargestMib, 0));
  gpu.memory_reported = reader.boolean_or("memory_reported", true);
  gpu.unified_memory = reader.boolean_or("unified", false);
  gpu.memory_bandwidth_gbps = reader.number_or("bandwidth_gbps", 0, 1e6, 0);
  gpu.compute_capability = reader.string_or("compute_capability", "");
  gpu.popular = reader.boolean_or("popular", false);
  gpu.source = reader.string_or("source", "");
  return gpu;
}

bool read_gpu(const ObjectReader& request, const CallerRows& rows, Machine& machine) {
  const Json* json = request.find("gpu");
  if (json == nullptr) return false;
  const ObjectReader reader(*json, "/gpu");
  reader.only({"id", "memory_gib", "row", "count"});
  if (reader.has("id") + reader.has("memory_gib") + reader.has("row") != 1) {
    refuse("/gpu", "a GPU is given by exactly one of id, memory_gib and row", shown(*json), kForms);
  }
  machine.count = static_cast<int>(reader.integer_or("count", 1, 64, 1));
  if (reader.has("id")) {
    machine.gpu = named_gpu(reader.string("id"), rows);
  } else if (reader.has("memory_gib")) {
    machine.gpu = sized_gpu(reader.number("memory_gib", 0.001, 1e6));
  } else {
    machine.gpu = read_gpu_row(*reader.find("row"), "/gpu/row");
  }
  return true;
}

}  // namespace vram
