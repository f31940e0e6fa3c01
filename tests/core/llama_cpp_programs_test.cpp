// llama.cpp's placement options, draft models, and the programs that run it under names of their own.
#include <map>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "vram/api.hpp"

using Json = nlohmann::json;

namespace {

Json estimate(const Json& engine, const std::string& model = "llama-3.1-8b", int gpus = 1, Json more = Json::object()) {
  Json request = {{"op", "estimate"}, {"model", {{"id", model}}}, {"weights", "q4_k_m"},
                  {"context", 8192},  {"engine", engine},         {"gpu", {{"memory_gib", 24}, {"count", gpus}}}};
  request.update(more);
  return Json::parse(vram::call(request.dump()));
}

std::int64_t sum(const Json& answer, const std::string& kind, const std::string& device = "") {
  std::int64_t bytes = 0;
  for (const Json& entry : answer["ledger"]["entries"]) {
    if (entry["kind"] == kind && (device.empty() || entry["device"] == device)) {
      bytes += entry["bytes"]["expected"].get<std::int64_t>();
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("Ollama, LM Studio and KoboldCpp allocate what llama.cpp does for the same settings") {
  const Json plain = estimate({{"name", "llama.cpp"}, {"n_ubatch", 512}, {"n_batch", 512}});
  REQUIRE(plain["ok"] == true);
  const Json ollama = estimate({{"name", "ollama"}, {"num_ctx", 8192}, {"num_batch", 512}});
  REQUIRE(ollama["ok"] == true);
  CHECK(ollama["engine"]["name"] == "ollama");
  CHECK(sum(ollama, "weights") == sum(plain, "weights"));
  CHECK(sum(ollama, "kv_cache") == sum(plain, "kv_cache"));
  CHECK(sum(ollama, "compute_buffer") < sum(plain, "compute_buffer"));  // one row of logits a slot
  CHECK(sum(estimate({{"name", "ollama"}, {"num_ctx", 8192}, {"num_parallel", 4}}), "kv_cache") ==
        4 * sum(plain, "kv_cache"));
  CHECK(estimate({{"name", "ollama"}})["engine"]["options"]["num_batch"] == 1024);
  const Json studio = estimate({{"name", "lm-studio"}});
  CHECK(sum(studio, "kv_cache") == sum(plain, "kv_cache"));
  CHECK(sum(studio, "compute_buffer") == sum(plain, "compute_buffer"));
  CHECK(estimate({{"name", "lm-studio"}, {"gpuRatio", 0.5}})["engine"]["options"]["n_gpu_layers"] == 16);
  const Json kobold = estimate({{"name", "koboldcpp"}, {"contextsize", 8192}});
  CHECK(sum(kobold, "kv_cache") * 8192 == sum(plain, "kv_cache") * 8448);  // 128 cells more, padded to 256
  CHECK(kobold["engine"]["options"]["contextsize"] == 8192);
}

TEST_CASE("programs keep to their own options and cache types") {
  CHECK(estimate({{"name", "ollama"}, {"n_ubatch", 512}})["error"]["path"] == "/engine/n_ubatch");
  CHECK(estimate({{"name", "ollama"}, {"kv_cache_type", "q5_1"}})["error"]["path"] == "/engine/kv_cache_type");
  CHECK(estimate({{"name", "ollama"}, {"kv_cache_type", "q8_0"}})["kv_cache"]["v"] == "q8_0");
  CHECK(estimate({{"name", "koboldcpp"}, {"quantkv", "q5_1"}})["kv_cache"]["k"] == "q5_1");
  CHECK(estimate({{"name", "koboldcpp"}, {"batchsize", 512}, {"blasbatchsize", 256}})["ok"] == false);
  CHECK(estimate({{"name", "lm-studio"}, {"llamaVCacheQuantizationType", "q8_0"}})["kv_cache"]["v"] == "q8_0");
}

TEST_CASE("shares of GPUs move layers, and lose none") {
  const Json whole = estimate({{"name", "llama.cpp"}});
  const Json even = estimate({{"name", "llama.cpp"}}, "llama-3.1-8b", 2);
  const Json uneven = estimate({{"name", "llama.cpp"}, {"tensor_split", {3, 1}}}, "llama-3.1-8b", 2);
  CHECK(sum(uneven, "kv_cache") == sum(whole, "kv_cache"));
  CHECK(sum(uneven, "kv_cache", "gpu:0") > sum(even, "kv_cache", "gpu:0"));
  CHECK(sum(uneven, "kv_cache", "gpu:0") == 838860800);  // the engine's own figure: 25 of 32 layers
  const Json one = estimate({{"name", "llama.cpp"}, {"split_mode", "none"}, {"main_gpu", 1}}, "llama-3.1-8b", 2);
  CHECK(sum(one, "weights", "gpu:0") == 0);
  CHECK(sum(one, "weights", "gpu:1") == sum(whole, "weights", "gpu:0"));
  CHECK(sum(one, "compute_buffer", "gpu:1") == sum(whole, "compute_buffer", "gpu:0"));
  CHECK(estimate({{"name", "llama.cpp"}, {"split_mode", "none"}, {"main_gpu", 2}}, "llama-3.1-8b",
                 2)["error"]["path"] == "/engine/main_gpu");
  CHECK(estimate({{"name", "llama.cpp"}, {"tensor_split", {1, 1}}})["error"]["path"] == "/engine/tensor_split");
  CHECK(estimate({{"name", "llama.cpp"}, {"tensor_split", {0, 0}}}, "llama-3.1-8b", 2)["error"]["path"] ==
        "/engine/tensor_split");
  CHECK(estimate({{"name", "llama.cpp"}, {"split_mode", "row"}})["error"]["path"] == "/engine/split_mode");
}

TEST_CASE("a draft model brings what it takes alone, in entries of its own") {
  const Json draft = {{"model", {{"id", "llama-3.2-1b"}}}, {"weights", "q8_0"}};
  const Json both = estimate({{"name", "llama.cpp"}, {"model_draft", draft}});
  REQUIRE(both["ok"] == true);
  const Json first = estimate({{"name", "llama.cpp"}});
  const Json second =
      estimate({{"name", "llama.cpp"}, {"n_outputs_max", -1}}, "llama-3.2-1b", 1, {{"weights", "q8_0"}});
  for (const char* kind : {"weights", "kv_cache", "compute_buffer"}) {
    INFO(kind);
    CHECK(sum(both, kind) == sum(first, kind) + sum(second, kind));
  }
  int labelled = 0;
  for (const Json& entry : both["ledger"]["entries"]) {
    labelled += entry["label"].get<std::string>().starts_with("Draft model");
  }
  CHECK(labelled >= 4);
  CHECK(estimate({{"name", "llama.cpp"}, {"model_draft", {{"model", {{"id", "nothing"}}}}}})["error"]["path"] ==
        "/engine/model_draft/model/id");
  CHECK(estimate({{"name", "llama.cpp"}, {"type_k_draft", "f16"}})["error"]["path"] == "/engine/type_k_draft");
}

TEST_CASE("flash attention is left to the engine, the vision encoder can stay away") {
  CHECK(estimate({{"name", "llama.cpp"}})["engine"]["options"]["flash_attn"] == true);
  CHECK(estimate({{"name", "llama.cpp"}, {"flash_attn", "auto"}})["engine"]["options"]["flash_attn"] == true);
  CHECK(estimate({{"name", "llama.cpp"}, {"flash_attn", "off"}})["engine"]["options"]["flash_attn"] == false);
  CHECK(estimate({{"name", "llama.cpp"}, {"flash_attn", 1}})["error"]["path"] == "/engine/flash_attn");
  const Json with = estimate({{"name", "llama.cpp"}}, "qwen2.5-vl-7b");
  const Json in_ram = estimate({{"name", "llama.cpp"}, {"mmproj_offload", false}}, "qwen2.5-vl-7b");
  const Json without = estimate({{"name", "llama.cpp"}, {"mmproj", false}}, "qwen2.5-vl-7b");
  CHECK(sum(with, "vision_tower", "gpu:0") > 0);
  CHECK(sum(in_ram, "vision_tower", "host") == sum(with, "vision_tower", "gpu:0"));
  CHECK(sum(without, "vision_tower") == 0);
  CHECK(with["warnings"].dump().find("/engine/mmproj") != std::string::npos);  // its own buffer is not counted
  CHECK(without["warnings"].dump().find("/engine/mmproj") == std::string::npos);
}

TEST_CASE("a file with one query-key-value matrix") {
  const Json apart = estimate({{"name", "llama.cpp"}}, "qwen3-next-80b-a3b");
  const Json fused = estimate({{"name", "llama.cpp"}}, "qwen3-next-80b-a3b", 1,
                              {{"model", {{"id", "qwen3-next-80b-a3b"}, {"fused_qkv", true}}}});
  REQUIRE(fused["ok"] == true);
  CHECK(fused["model"]["parameters"] == apart["model"]["parameters"]);
  CHECK(sum(fused, "weights") != sum(apart, "weights"));  // the quantizer gives the fused matrix another type
  CHECK(sum(fused, "kv_cache") == sum(apart, "kv_cache"));
}
