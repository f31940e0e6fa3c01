#include "api/write_parts.hpp"

namespace vram {

void write_interval(JsonWriter& out, std::string_view key, const Interval& bytes) {
  out.key(key).begin_object();
  out.field("low", bytes.low).field("expected", bytes.expected).field("high", bytes.high);
  out.end_object();
}

void write_gpu(JsonWriter& out, bool has_gpu, const Machine& machine) {
  out.key("gpu");
  if (!has_gpu) {
    out.null();
    return;
  }
  const Gpu& gpu = machine.gpu;
  out.begin_object();
  out.field("id", std::string_view(gpu.id)).field("name", std::string_view(gpu.name)).field("count", machine.count);
  out.field("memory_bytes", gpu.memory_bytes).field("memory_bytes_nominal", gpu.memory_bytes_nominal);
  out.field("memory_reported", gpu.memory_reported).field("unified_memory", gpu.unified_memory);
  out.end_object();
}

void write_ledger(JsonWriter& out, const Ledger& ledger) {
  out.key("ledger").begin_object().key("entries").begin_array();
  for (const Entry& entry : ledger.entries) {
    out.begin_object();
    out.field("kind", name_of(entry.kind)).field("label", entry.label).field("device", name_of(entry.device));
    out.key("stages").begin_array();
    for (int s = 0; s < kStageCount; ++s) {
      const auto stage = static_cast<Stage>(s);
      if (entry.stages.contains(stage)) out.value(name_of(stage));
    }
    out.end_array();
    write_interval(out, "bytes", entry.bytes);
    out.field("checked_on", entry.checked_on).field("formula", entry.formula).key("values").begin_object();
    for (const Value& value : entry.values) out.field(value.symbol, value.number);
    out.end_object().field("source", entry.source).end_object();
  }
  out.end_array().key("peaks").begin_array();
  for (const Peak& peak : peaks(ledger)) {
    out.begin_object().field("device", name_of(peak.device)).field("stage", name_of(peak.stage));
    write_interval(out, "bytes", peak.bytes);
    out.field("checked_on", peak.checked_on).end_object();
  }
  out.end_array().end_object();
}

void write_fit(JsonWriter& out, bool has_gpu, const Machine& machine, const Ledger& ledger) {
  if (!has_gpu) {
    out.key("fits").null().key("verdict").null().key("headroom_bytes").null().key("first_that_does_not_fit").null();
    return;
  }
  const Fit fit = check_fit(ledger, machine);
  constexpr std::string_view kVerdicts[] = {"fits", "tight", "does_not_fit"};
  out.field("fits", fit.verdict != Fit::Verdict::does_not_fit);
  out.field("verdict", kVerdicts[static_cast<std::size_t>(fit.verdict)]);
  out.field("headroom_bytes", fit.headroom_bytes).key("first_that_does_not_fit");
  if (fit.first_entry < 0) {
    out.null();
    return;
  }
  const Entry& entry = ledger.entries[static_cast<std::size_t>(fit.first_entry)];
  out.begin_object().field("entry", fit.first_entry).field("kind", name_of(entry.kind));
  out.field("label", entry.label).field("device", name_of(entry.device)).end_object();
}

}  // namespace vram
