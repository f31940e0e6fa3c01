// Start-up logs, written in the engines' formats with figures of the engines' own.
#include <cmath>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "read/log/engine_log.hpp"
#include "read/log/log_model.hpp"
#include "vram/api.hpp"

using Json = nlohmann::json;

namespace {

Json check(const std::string& text, Json more = Json::object()) {
  more["op"] = "check_log";
  more["text"] = text;
  return Json::parse(vram::call(more.dump()));
}

Json term(const Json& response, const std::string& name, const std::string& device) {
  for (const Json& row : response["terms"]) {
    if (row["term"] == name && (row["device"].is_null() ? "" : row["device"].get<std::string>()) == device) return row;
  }
  return nullptr;
}

// Llama 3.1 8B in Q4_K_M as llama.cpp 0.5.0 loads it: the figures of tests/accuracy, rounded as the engine prints them.
const std::string kNew =
    "build: 7000 (de3ff81) with cc for x86_64-linux-gnu\n"
    "  Device 0: NVIDIA GeForce RTX 4090, compute capability 8.9, VMM: yes\n"
    "llama_model_loader: loaded meta data with 29 key-value pairs and 292 tensors from llama.gguf (version GGUF V3)\n"
    "llama_model_loader: - kv   0:                 general.architecture str              = llama\n"
    "llama_model_loader: - kv   1:                         general.name str              = Meta Llama 3.1 8B Instruct\n"
    "llama_model_loader: - kv   2:                    llama.block_count u32              = 32\n"
    "llama_model_loader: - kv   3:               llama.embedding_length u32              = 4096\n"
    "llama_model_loader: - kv   4:            llama.feed_forward_length u32              = 14336\n"
    "llama_model_loader: - kv   5:        llama.attention.head_count_kv u32              = 8\n"
    "llama_model_loader: - kv   6:                     llama.vocab_size u32              = 128256\n"
    "print_info: file type   = Q4_K - Medium\r\n"
    "load_tensors: offloaded 33/33 layers to GPU\n"
    "load_tensors:        CUDA0 model buffer size =  4403.49 MiB\n"
    "load_tensors:    CUDA_Host model buffer size =   281.81 MiB\n"
    "llama_context: n_seq_max     = 1\n"
    "llama_context: n_ctx         = 8192\n"
    "llama_context: n_batch       = 2048\n"
    "llama_context: n_ubatch      = 512\n"
    "llama_context: flash_attn    = auto\n"
    "llama_context: kv_unified    = false\n"
    "llama_context:  CUDA_Host  output buffer size =     0.49 MiB\n"
    "llama_kv_cache:      CUDA0 KV buffer size =  1024.00 MiB\n"
    "llama_kv_cache: size = 1024.00 MiB (  8192 cells,  32 layers,  1/1 seqs), K (f16):  512.00 MiB, V (f16):  512.00 "
    "MiB\n"
    "llama_context: Flash Attention was auto, set to enabled\n"
    "sched_reserve:      CUDA0 compute buffer size =   999.99 MiB\n"
    "sched_reserve:      CUDA0 compute buffer size =   258.50 MiB\n"
    "sched_reserve:  CUDA_Host compute buffer size =    24.01 MiB\n";

}  // namespace

TEST_CASE("a log of llama.cpp: every buffer to the print") {
  const Json r = check(kNew);
  INFO(r.dump(1).substr(0, 3000));
  REQUIRE(r["ok"] == true);
  CHECK(r["recognised"]["engine"] == "llama.cpp");
  CHECK(r["recognised"]["version"] == "7000");
  CHECK(r["recognised"]["model_by"] == "shape");
  CHECK(r["recognised"]["gpus"][0] == "NVIDIA GeForce RTX 4090");
  CHECK(r["request"]["model"]["id"] == "llama-3.1-8b");
  CHECK(r["request"]["gpu"]["id"] == "rtx-4090");
  CHECK(r["request"]["engine"]["flash_attn"] == true);
  CHECK(r["request"]["kv_cache"]["k"] == "f16");
  for (const char* name : {"weights", "kv_cache", "compute_buffer"}) {
    INFO(name);
    CHECK(term(r, name, "CUDA0")["verdict"] == "exact");
  }
  CHECK(term(r, "weights", "CUDA_Host")["verdict"] == "exact");
  CHECK(term(r, "output_buffer", "CUDA_Host")["verdict"] == "exact");
  CHECK(term(r, "compute_buffer", "CUDA_Host")["verdict"] == "exact");
  CHECK(r["not_compared"].size() == 1);  // the cache once more, without a device
  CHECK(r["estimate"]["op"] == "estimate");
}

TEST_CASE("older spellings of llama.cpp; a figure that does not agree") {
  const Json r = check(
      "llm_load_print_meta: arch             = qwen2\nllm_load_print_meta: n_vocab          = 152064\n"
      "llm_load_print_meta: n_embd           = 5120\nllm_load_print_meta: n_layer          = 48\n"
      "llm_load_print_meta: n_head_kv        = 8\nllm_load_print_meta: n_ff             = 13824\n"
      "llm_load_print_meta: model ftype      = Q4_K - Medium\nllm_load_tensors: offloaded 49/49 layers to GPU\n"
      "llm_load_tensors:      CUDA0 buffer size =  8148.38 MiB\n"
      "llama_new_context_with_model: n_ctx      = 32768\nllama_new_context_with_model: flash_attn = 1\n"
      "llama_kv_cache_init:      CUDA0 KV buffer size =  6144.00 MiB\n"
      "llama_new_context_with_model: KV self size  = 6144.00 MiB, K (f16): 3072.00 MiB, V (f16): 3072.00 MiB\n"
      "llama_new_context_with_model:      CUDA0 compute buffer size =   407.00 MiB\n");
  INFO(r.dump(1).substr(0, 2000));
  REQUIRE(r["ok"] == true);
  CHECK(r["request"]["model"]["id"] == "qwen2.5-14b");
  CHECK(term(r, "weights", "CUDA0")["verdict"] == "exact");
  CHECK(term(r, "kv_cache", "CUDA0")["verdict"] == "exact");
  const Json off = term(r, "compute_buffer", "CUDA0");
  CHECK(off["verdict"] == "off");
  CHECK(off["measured"]["text"] == "407.00 MiB");
  CHECK(off["relative"].get<double>() == Approx(-100.0 / 407).epsilon(0.01));
}

TEST_CASE("two GPUs, some layers in RAM, experts moved by hand") {
  const vram::read::EngineLog log = vram::read::read_log(
      "tensor blk.0.ffn_up_exps.weight (100 MiB q4_K) buffer type overridden to CPU\n"
      "tensor blk.7.ffn_up_exps.weight (100 MiB q4_K) buffer type overridden to CPU\n"
      "load_tensors: offloaded 20/49 layers to GPU\nload_tensors: CUDA0 model buffer size = 1,024.50 MiB\n"
      "load_tensors: CUDA1 model buffer size = 2 GiB\n");
  CHECK(log.engine == "llama.cpp");
  CHECK(*log.fact("n_cpu_moe") == "8");
  CHECK(*log.fact("layers_offloaded") == "20");
  REQUIRE(log.terms.size() == 2);
  CHECK(log.terms[0].parts[0].value == 1024.5 * 1048576);
  CHECK(log.terms[0].parts[0].half_step == Approx(0.005 * 1048576));
}

TEST_CASE("a model that is in no catalogue is taken from its metadata") {
  const Json r = check(
      "print_info: arch = qwen3\nprint_info: n_layer = 7\nprint_info: n_embd = 640\nprint_info: n_head = 10\n"
      "print_info: n_head_kv = 5\nprint_info: n_embd_head_k = 64\nprint_info: n_ff = 1280\nprint_info: n_vocab = 1000\n"
      "print_info: file type = Q8_0\nllama_context: n_ctx = 4096\nllama_kv_cache: CUDA0 KV buffer size = 35.00 MiB\n");
  INFO(r.dump(1).substr(0, 2000));
  REQUIRE(r["ok"] == true);
  CHECK(r["recognised"]["model_by"] == "metadata");
  CHECK(term(r, "kv_cache", "CUDA0")["verdict"] == "exact");  // 4096 cells * 7 layers * 2 * 5 heads * 64 * 2 bytes
}

TEST_CASE("a log of vLLM") {
  const std::string text =
      "INFO [core.py:74] Initializing a V1 LLM engine (v0.10.1.1) with config: model='Qwen/Qwen2.5-7B-Instruct', "
      "speculative_config=None, dtype=torch.bfloat16, max_seq_len=32768, tensor_parallel_size=1, quantization=None, "
      "enforce_eager=False, kv_cache_dtype=auto\n"
      "INFO [gpu_model_runner.py:2007] Model loading took 14.2487 GiB and 12.3 seconds\n"
      "INFO [gpu_worker.py:276] Available KV cache memory: 5.50 GiB\n"
      "INFO [kv_cache_utils.py:849] GPU KV cache size: 102,944 tokens\n"
      "INFO [kv_cache_utils.py:853] Maximum concurrency for 32,768 tokens per request: 3.14x\n"
      "INFO [gpu_model_runner.py:2708] Graph capturing finished in 15 secs, took 0.57 GiB\n";
  const Json r = check(text, {{"gpu", {{"id", "rtx-4090"}}}});
  INFO(r.dump(1).substr(0, 3000));
  REQUIRE(r["ok"] == true);
  CHECK(r["recognised"]["engine"] == "vllm");
  CHECK(r["recognised"]["version"] == "0.10.1.1");
  CHECK(r["request"]["model"]["id"] == "qwen2.5-7b");
  CHECK(r["request"]["engine"]["max_model_len"] == 32768);
  CHECK(std::abs(term(r, "weights", "")["relative"].get<double>()) < 0.01);
  CHECK(term(r, "kv_tokens", "")["unit"] == "tokens");
  CHECK(term(r, "kv_tokens", "")["measured"]["value"] == 102944);
}

TEST_CASE("what is no log is refused, and nothing else either") {
  CHECK(check("")["error"]["path"] == "/text");
  CHECK(check("hello = world\n")["error"]["path"] == "/text");
  CHECK(check("load_tensors: CUDA0 model buffer size = 1 MiB\n")["error"]["path"] == "/model");
  CHECK(Json::parse(vram::call(R"({"op": "check_log"})"))["error"]["path"] == "/text");
  CHECK(Json::parse(vram::call(R"({"op": "check_log", "text": 3})"))["error"]["path"] == "/text");
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "load_tensors: CUDA" + std::to_string(i) + "x model buffer size = 1 MiB\n";
  CHECK(check(many)["error"]["path"] == "/text");
  CHECK(check("n_ctx = \n = = =\nprint_info: = 3\nKV self size = , K ( V (\nDevice : compute capability\nblk. overrid "
              "_exps CPU\noffloaded / layers to GPU\n")["ok"] == false);
}

TEST_CASE("names and file types") {
  CHECK(vram::read::plain_name("models/Qwen_Qwen3-8B-Q4_K_M.gguf") == "qwen-qwen3-8b");
  CHECK(vram::read::plain_name("meta-llama/Meta-Llama-3.1-8B-Instruct") == "llama-3.1-8b");
  CHECK(vram::read::weights_of_file_type("Q4_K - Medium") == "q4_k_m");
  CHECK(vram::read::weights_of_file_type("(guessed) IQ4_XS - 4.25 bpw") == "iq4_xs");
  CHECK(vram::read::weights_of_file_type("IQ3_S mix - 3.66 bpw") == "iq3_m");
  CHECK(vram::read::weights_of_file_type("IQ3_S - 3.4375 bpw") == "iq3_s");
  CHECK(vram::read::weights_of_file_type("something").empty());
}
