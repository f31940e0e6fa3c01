// Diffusion pipelines through the border: where components lie, engine by engine, and what the searches answer.
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "vram/api.hpp"

using Json = nlohmann::ordered_json;

namespace {

constexpr double kGi = 1024.0 * 1024.0 * 1024.0;

Json ask(const std::string& text) {
  Json answer = Json::parse(vram::call(text));
  INFO(text);
  INFO(answer.dump().substr(0, 400));
  REQUIRE(answer["ok"] == true);
  return answer;
}
Json ask(const Json& request) { return ask(request.dump()); }

Json error_of(const Json& request) {
  Json answer = Json::parse(vram::call(request.dump()));
  INFO(request.dump());
  REQUIRE(answer["ok"] == false);
  return answer["error"];
}

Json pipeline(const char* id) { return {{"op", "diffusion"}, {"pipeline", {{"id", id}}}}; }

double shown_gib(const Json& answer) { return answer["memory"]["nvidia_smi"]["expected"].get<double>() / kGi; }

Json states(const char* offload, const char* offload_device, const char* onload, const char* onload_device,
            const char* preparing) {
  return {{"offload_dtype", offload},        {"offload_device", offload_device}, {"onload_dtype", onload},
          {"onload_device", onload_device},  {"preparing_dtype", preparing},     {"preparing_device", "cuda"},
          {"computation_dtype", "bfloat16"}, {"computation_device", "cuda"}};
}

Json qwen(Json vram_config = nullptr, Json limit = nullptr) {
  Json request = pipeline("qwen-image");
  request["engine"] = {{"name", "diffsynth"}};
  if (!vram_config.is_null()) request["engine"]["vram_config"] = vram_config;
  if (!limit.is_null()) request["engine"]["vram_limit"] = limit;
  return request;
}

double host_gib(const Json& answer) {
  double most = 0;
  for (const Json& stage : answer["stages"]) most = std::max(most, stage["host"]["expected"].get<double>() / kGi);
  return most;
}
double disk_gib(const Json& answer) {
  double most = 0;
  for (const Json& stage : answer["stages"]) most = std::max(most, stage["disk_bytes"].get<double>() / kGi);
  return most;
}

}  // namespace

// DiffSynth-Studio, docs/en/Pipeline_Usage/VRAM_management.md: Qwen-Image "occupying" 56, 40 and 21 G. What counts them
// is not said; the figures are whole.
TEST_CASE("DiffSynth's own figures for Qwen-Image come out of its states") {
  const Json all = ask(qwen());
  const Json cpu = ask(qwen(states("bfloat16", "cpu", "bfloat16", "cuda", "bfloat16")));
  const Json fp8 = ask(qwen(states("float8_e4m3fn", "cpu", "float8_e4m3fn", "cuda", "float8_e4m3fn")));
  CHECK(shown_gib(all) == Approx(56).epsilon(0.06));  // allocated: 56.9; with what the allocator keeps: 59.3
  CHECK(shown_gib(cpu) == Approx(40).epsilon(0.03));
  CHECK(shown_gib(fp8) == Approx(21).epsilon(0.03));
  // What is not on the GPU is in RAM.
  CHECK(host_gib(all) == 0);
  CHECK(host_gib(cpu) > 38);
  CHECK(host_gib(fp8) == Approx(host_gib(cpu) / 2).epsilon(0.02));
}

TEST_CASE("vram_limit is soft: layers stay in RAM beyond it, what must run still runs") {
  const Json dynamic = states("float8_e4m3fn", "cpu", "float8_e4m3fn", "cpu", "float8_e4m3fn");
  const double none = shown_gib(ask(qwen(dynamic))), zero = shown_gib(ask(qwen(dynamic, 0)));
  const double ten = shown_gib(ask(qwen(dynamic, 10))), two = shown_gib(ask(qwen(dynamic, 2)));
  CHECK(none > 19);
  CHECK(zero < 6);
  CHECK(ten == Approx(10).margin(0.5));
  CHECK(zero <= two);
  CHECK(two <= ten);
  CHECK(ten < none);
  // Less than what the pass itself takes cannot be kept.
  CHECK(two > 2);
  const Json disk = ask(qwen(states("disk", "disk", "disk", "disk", "float8_e4m3fn"), 10));
  CHECK(disk_gib(disk) > 38);
  CHECK(host_gib(disk) == 0);
  CHECK(shown_gib(disk) == Approx(10).margin(0.5));
}

TEST_CASE("states of one component alone") {
  Json request = qwen();
  request["components"]["transformer"]["vram_config"] = states("bfloat16", "cpu", "bfloat16", "cuda", "bfloat16");
  const Json answer = ask(request);
  // The text encoder and the autoencoder stay on the GPU.
  CHECK(shown_gib(answer) < shown_gib(ask(qwen())));
  CHECK(shown_gib(answer) > 54);
  request["engine"]["name"] = "diffusers";
  CHECK(error_of(request)["path"] == "/components/transformer/vram_config");
}

TEST_CASE("ComfyUI loads what the card has room for and keeps what it can") {
  Json request = pipeline("flux.1-dev");
  request["engine"] = {{"name", "comfyui"}};
  const double endless = shown_gib(ask(request));
  CHECK(endless > 31);  // all models stay: 22.2 + 9.1 GiB and what they compute
  for (const double size : {24.0, 16.0, 12.0, 8.0}) {
    request["gpu"] = {{"memory_gib", size}};
    const Json answer = ask(request);
    INFO(size);
    CHECK(answer["fits"] == true);
    CHECK(shown_gib(answer) <= size);
    CHECK(shown_gib(answer) > 0.6 * size);
  }
  request["gpu"] = {{"memory_gib", 12}};
  const double normal = shown_gib(ask(request));
  request["engine"]["vram"] = "novram";
  CHECK(shown_gib(ask(request)) < normal);
  request["engine"]["vram"] = "highvram";
  CHECK(ask(request)["fits"] == false);
  request["engine"] = {{"name", "comfyui"}, {"reserve_vram", 4}};
  CHECK(shown_gib(ask(request)) < normal);
}

TEST_CASE("ComfyUI decodes in tiles when it cannot at once") {
  Json request = pipeline("sdxl-base-1.0");
  request["height"] = request["width"] = 4096;
  request["engine"] = {{"name", "comfyui"}};
  request["gpu"] = {{"memory_gib", 12}};
  const Json answer = ask(request);
  CHECK(answer["stages"].back()["what"] == "decode, in tiles");
  CHECK(answer["warnings"].dump().find("decodes in tiles") != std::string::npos);
}

TEST_CASE("the web UI's and Forge's options take less, in their order") {
  Json request = pipeline("sdxl-base-1.0");
  request["height"] = request["width"] = 512;
  double before = 1e9;
  for (const char* mode : {"normal", "medvram", "lowvram"}) {
    request["engine"] = {{"name", "a1111"}, {"vram", mode}};
    const double now = shown_gib(ask(request));
    INFO(mode);
    CHECK(now < before);
    before = now;
  }
  request["gpu"] = {{"memory_gib", 8}};
  request["engine"] = {{"name", "forge"}};
  const Json forge = ask(request);
  CHECK(forge["fits"] == true);
  request["engine"]["gpu_weights"] = 2048;
  CHECK(shown_gib(ask(request)) < shown_gib(forge));
}

// Logged: leejet/stable-diffusion.cpp#736 (1218.29 and 4734.80 MB), #890 (6656.25), #673 (weights of SDXL in FP32).
TEST_CASE("stable-diffusion.cpp's buffers and weights against its logs") {
  const auto mib = [](const Json& bytes) { return bytes.get<double>() / 1024 / 1024; };
  Json request = pipeline("sd-1.5");
  request["engine"] = {{"name", "stable-diffusion.cpp"}};
  request["width"] = 512;
  request["height"] = 768;
  CHECK(mib(ask(request)["stages"][1]["activations"]["expected"]) == Approx(1218.29).epsilon(0.015));
  request["width"] = 768;
  request["height"] = 1024;
  CHECK(mib(ask(request)["stages"][1]["activations"]["expected"]) == Approx(4734.80).epsilon(0.01));
  request = pipeline("sdxl-base-1.0");
  request["engine"] = {{"name", "stable-diffusion.cpp"}};
  request["dtype"] = "fp32";
  const Json xl = ask(request);
  CHECK(mib(xl["stages"][3]["activations"]["expected"]) == 6656.25);
  CHECK(mib(xl["pipeline"]["components"][0]["bytes"]) == Approx(469.44).margin(0.005));
  CHECK(mib(xl["pipeline"]["components"][1]["bytes"]) == Approx(2649.92).margin(0.005));
  CHECK(mib(xl["pipeline"]["components"][2]["bytes"]) == Approx(9099.29).epsilon(0.007));
}

TEST_CASE("what an engine does not have is refused by name") {
  Json request = pipeline("cogvideox-5b");
  request["engine"] = {{"name", "comfyui"}};
  CHECK(error_of(request)["path"] == "/engine/name");
  request = pipeline("flux.1-dev");
  request["engine"] = {{"name", "forge"}};
  request["techniques"] = {{"model_cpu_offload", true}};
  CHECK(error_of(request)["path"] == "/techniques/model_cpu_offload");
  request = pipeline("flux.1-dev");
  request["engine"] = {{"name", "a1111"}};
  CHECK(error_of(request)["path"] == "/engine/name");
  request["engine"] = {{"name", "comfyui"}};
  request["components"] = {{"transformer", {{"quantization", "torchao_int8"}}}};
  CHECK(error_of(request)["path"] == "/components/transformer/quantization");
  request = qwen(states("bfloat16", "cpu", "disk", "disk", "bfloat16"));
  CHECK(error_of(request)["path"] == "/engine/vram_config/onload_device");
  request = qwen(Json{{"onload_dtype", "bfloat16"}});
  CHECK(error_of(request)["path"] == "/engine/vram_config");
}

TEST_CASE("channels last saves the copies around convolutions, and nothing where there are none") {
  Json request = pipeline("sd-1.5");
  const double plain = shown_gib(ask(request));
  request["techniques"] = {{"channels_last", true}};
  CHECK(shown_gib(ask(request)) < plain);
}

TEST_CASE("page-locked memory of streams is counted in RAM") {
  Json request = pipeline("flux.1-dev");
  request["techniques"]["group_offload"] = {{"offload_type", "leaf_level"}};
  const double moved = host_gib(ask(request));
  request["techniques"]["group_offload"]["use_stream"] = true;
  const double pinned = host_gib(ask(request));
  request["techniques"]["group_offload"]["low_cpu_mem_usage"] = true;
  const double late = host_gib(ask(request));
  CHECK(pinned > 1.3 * moved);
  CHECK(late < pinned);
}

TEST_CASE("each measure's effect is that of the request with it; the weakest fits, and needs all of its measures") {
  for (const char* id : {"sd-1.5", "sdxl-base-1.0", "flux.1-dev", "qwen-image", "wan2.1-t2v-1.3b"}) {
    INFO(id);
    Json request = pipeline(id);
    request["gpu"] = {{"memory_gib", 12}};
    request["also"] = {"savings", "weakest", "levels"};
    const Json answer = ask(request);
    const double now = answer["memory"]["nvidia_smi"]["expected"];
    for (const Json& s : answer["savings"]) {
      INFO(s.dump());
      const double with = s["nvidia_smi"]["expected"];
      CHECK((s["active"] == true ? with - now : now - with) == s["saves_bytes"].get<double>());
    }
    const auto with = [&](const std::vector<std::string>& names) {
      Json r = pipeline(id);
      r["gpu"] = request["gpu"];
      for (const std::string& name : names) {
        const bool block = name == "group_offload_block", leaf = name == "group_offload_leaf";
        if (block || leaf) {
          r["techniques"]["group_offload"] = {{"offload_type", leaf ? "leaf_level" : "block_level"},
                                              {"use_stream", true}};
        } else {
          r["techniques"][name] = true;
        }
      }
      return ask(r);
    };
    REQUIRE(answer["weakest"]["fits"] == true);
    const std::vector<std::string> names = answer["weakest"]["techniques"];
    const Json fitting = with(names);
    CHECK(fitting["fits"] == true);
    CHECK(fitting["memory"]["nvidia_smi"] == answer["weakest"]["nvidia_smi"]);
    for (std::size_t i = 0; i < names.size(); ++i) {
      std::vector<std::string> fewer = names;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
      CHECK(with(fewer)["fits"] == false);
    }
    // Searches share passes; a request of its own answers the same.
    for (const Json& level : answer["levels"]) {
      Json r = pipeline(id);
      r["level"] = level["level"];
      r["gpu"] = request["gpu"];
      CHECK(ask(r)["memory"]["nvidia_smi"] == level["nvidia_smi"]);
    }
  }
}

TEST_CASE("the largest picture fits, one step more does not") {
  Json request = pipeline("sdxl-base-1.0");
  request["gpu"] = {{"memory_gib", 16}};
  request["aspect_ratio"] = {16, 9};
  request["also"] = {"max_resolution", "max_batch", "max_loras"};
  const Json answer = ask(request);
  const auto fits = [&](const char* key, std::int64_t value, const char* other = nullptr) {
    Json r = pipeline("sdxl-base-1.0");
    r["gpu"] = request["gpu"];
    r[key] = value;
    if (other != nullptr) r[other] = value;
    return ask(r)["fits"].get<bool>();
  };
  const std::int64_t side = answer["max_resolution"]["square"]["width"];
  CHECK(fits("width", side, "height"));
  CHECK_FALSE(fits("width", side + 8, "height"));
  const std::int64_t batch = answer["max_batch"]["value"];
  CHECK(fits("batch", batch));
  CHECK_FALSE(fits("batch", batch + 1));
  CHECK(answer["max_batch"]["blocked_by"]["stage"].is_string());
}
