// Parts that several responses share.
#pragma once

#include "json/writer.hpp"
#include "vram/hardware.hpp"
#include "vram/ledger.hpp"
#include "vram/llm.hpp"

namespace vram {

void write_interval(JsonWriter& out, std::string_view key, const Interval& bytes);
// "gpu": null without one.
void write_gpu(JsonWriter& out, bool has_gpu, const Machine& machine);
void write_ledger(JsonWriter& out, const Ledger& ledger);
// "fits", "verdict", "headroom_bytes", "first_that_does_not_fit": all null without a GPU.
void write_fit(JsonWriter& out, bool has_gpu, const Machine& machine, const Ledger& ledger);

}  // namespace vram
