// Forward passes of image models against peaks of live bytes that the real classes reach on tensors without contents
// (tests/traces/images.json), and their parameters.
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "diffusion/registry.hpp"
#include "read/component.hpp"

using namespace vram;
using namespace vram::diffusion;

namespace {

DType dtype_of(const std::string& name) {
  if (name == "fp16") return DType::f16;
  return name == "fp32" ? DType::f32 : DType::bf16;
}

void run(Trace& trace, const ModelClass& known, const Settings& config, const Json& row) {
  const auto number = [&](const char* key, Size fallback) { return row.value(key, fallback); };
  const DType dtype = dtype_of(row.value("dtype", "bf16"));
  const std::string what = row.at("run");
  if (what == "denoise") {
    DenoiseInput in;
    in.batch = number("batch", 1);
    in.height = number("h", 1024);
    in.width = number("w", 1024);
    in.latent_height = number("lh", 128);
    in.latent_width = number("lw", 128);
    in.text_tokens = number("text", 77);
    in.input_images = number("input_images", 0);
    in.dtype = dtype;
    known.denoise(trace, config, in);
    return;
  }
  CodecInput in;
  const Compression c = known.compression(config);
  in.batch = number("batch", 1);
  in.height = number("h", 1024);
  in.width = number("w", 1024);
  in.latent_channels = c.channels;
  in.latent_height = in.height / c.space;
  in.latent_width = in.width / c.space;
  in.tiling = row.value("tiling", false);
  in.slicing = row.value("slicing", false);
  in.dtype = dtype;
  (what == "decode" ? known.decode : known.encode)(trace, config, in);
}

}  // namespace

TEST_CASE("forward passes of image models reach the peaks of the classes they follow") {
  std::ifstream file(std::string(VRAM_SOURCE_DIR) + "/tests/traces/images.json");
  const Json content = Json::parse(file);
  REQUIRE(content.at("rows").size() > 50);
  for (const Json& row : content.at("rows")) {
    const std::string name = row.at("name"), copies = row.at("copies");
    INFO(name << " " << row.at("run").get<std::string>() << ", copies: " << copies);
    const ModelClass* known = find_class(row.at("class").get<std::string>());
    REQUIRE(known != nullptr);
    Trace::Rules rules;
    rules.copies = copies == "tensor_cores" ? ConvCopies::tensor_cores : ConvCopies::none;
    Trace trace(rules);
    run(trace, *known, read_settings(row.at("config"), "/config"), row);
    const auto measured = row.at("peak_bytes").get<double>();
    const auto ours = static_cast<double>(trace.peak() - trace.input_bytes());
    INFO("traced " << measured << ", ours " << ours);
    CHECK(std::abs(ours - measured) < 0.02 * measured);
    if (row.contains("parameters")) CHECK(trace.weights().parameters == row.at("parameters").get<Size>());
  }
}
