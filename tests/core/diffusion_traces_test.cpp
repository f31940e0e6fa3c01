// Forward passes on shapes against the same passes of diffusers' own classes (diffusers 58eb52c0803e run with tensors
// that have a shape but no contents): peaks of live tensors and numbers of parameters. tests/core/diffusion_traces.json
// says which class, config and input each row is.
#include <fstream>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "diffusion/registry.hpp"

using namespace vram;
using namespace vram::diffusion;
using nlohmann::json;

namespace {

constexpr double kTolerance = 0.02;

Settings settings_of(const json& config) {
  Settings settings;
  for (const auto& [key, value] : config.items()) {
    Setting setting;
    setting.key = key;
    const auto add = [&](const json& x) {
      if (x.is_string()) setting.texts.push_back(x.get<std::string>());
      if (x.is_boolean()) setting.numbers.push_back(x.get<bool>() ? 1 : 0);
      if (x.is_number()) setting.numbers.push_back(x.get<double>());
    };
    setting.is_list = value.is_array();
    if (value.is_array()) {
      for (const json& x : value) add(x);
    } else if (!value.is_null()) {
      add(value);
    }
    if (!value.is_null()) settings.add(std::move(setting));
  }
  return settings;
}

DType dtype_of(const std::string& name) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    if (name_of(dtype) == name) return dtype;
  }
  throw std::invalid_argument(name);
}

void run(Trace& trace, const ModelClass& known, const json& row) {
  const Settings config = settings_of(row["config"]);
  const Size height = row["height"], width = row["width"], frames = row["frames"];
  if (row["stage"] == "denoise") {
    DenoiseInput in;
    in.batch = row["batch"];
    in.height = height;
    in.width = width;
    in.frames = frames;
    in.latent_height = row["latents"][0];
    in.latent_width = row["latents"][1];
    in.latent_frames = row["latents"][2];
    in.text_tokens = row["tokens"];
    in.dtype = dtype_of(row["dtype"]);
    known.denoise(trace, config, in);
    return;
  }
  const Compression c = known.compression(config);
  CodecInput in;
  in.latent_channels = c.channels;
  in.latent_height = height / c.space;
  in.latent_width = width / c.space;
  in.latent_frames = c.time > 1 ? (frames - 1) / c.time + 1 : frames;
  in.height = height;
  in.width = width;
  in.frames = frames;
  in.dtype = dtype_of(row["dtype"]);
  in.tiling = row["tiling"];
  (row["stage"] == "encode" ? known.encode : known.decode)(trace, config, in);
}

}  // namespace

TEST_CASE("forward passes peak where those of diffusers' classes do") {
  std::ifstream file(VRAM_SOURCE_DIR "/tests/core/diffusion_traces.json");
  const json rows = json::parse(file).at("rows");
  REQUIRE(rows.size() > 20);
  for (const json& row : rows) {
    const ModelClass* known = find_class(row["class"].get<std::string>());
    INFO(row.dump());
    REQUIRE(known != nullptr);
    Trace::Rules rules;
    rules.copies = row["copies"] ? ConvCopies::tensor_cores : ConvCopies::none;
    Trace trace(rules);
    run(trace, *known, row);
    const auto peak = static_cast<double>(trace.peak() - trace.input_bytes());
    // Denoisers: their peak counts the text and the timesteps that are handed in, not the latents.
    const double handed_in = row["stage"] == "denoise" ? static_cast<double>(trace.input_bytes()) : 0;
    const double theirs = row["peak_bytes"];
    CHECK(theirs >= peak * (1 - kTolerance));
    CHECK(theirs <= (peak + handed_in) * (1 + kTolerance));
  }
}

TEST_CASE("forward passes go through every parameter") {
  std::ifstream file(VRAM_SOURCE_DIR "/tests/core/diffusion_traces.json");
  const json rows = json::parse(file).at("rows");
  for (const json& row : rows) {
    const ModelClass& known = *find_class(row["class"].get<std::string>());
    INFO(row.dump());
    Trace trace;
    run(trace, known, row);
    if (row["stage"] == "denoise") {
      CHECK(trace.weights().parameters == row["parameters"].get<Size>());
      continue;
    }
    json other = row;
    other["stage"] = row["stage"] == "encode" ? "decode" : "encode";
    run(trace, known, other);
    CHECK(trace.weights().parameters == row["parameters"].get<Size>());
  }
}
