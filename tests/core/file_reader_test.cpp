// safetensors, shards, PyTorch zips, ONNX, folders: what they hold, and what is refused.
#include "catch.hpp"
#include "file_builder.hpp"
#include "vram/api.hpp"

using namespace vram;
using namespace vram::testing;
using Json = nlohmann::json;
using Ordered = nlohmann::ordered_json;

namespace {

std::string message(const Json& answer) {
  INFO(answer.dump().substr(0, 600));
  REQUIRE(answer["ok"] == false);
  return answer["error"]["message"];
}

Ordered tensors_of(const std::vector<std::tuple<std::string, std::string, std::vector<std::int64_t>, int>>& list) {
  Ordered header;
  std::int64_t at = 0;
  for (const auto& [name, dtype, shape, bytes_each] : list) {
    std::int64_t n = bytes_each;
    for (const std::int64_t size : shape) n *= size;
    header[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {at, at + n}}};
    at += n;
  }
  return header;
}

const char* kConfig = R"({"model_type":"llama","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,
  "num_key_value_heads":2,"intermediate_size":128,"vocab_size":100,"max_position_embeddings":4096,"torch_dtype":"bfloat16"})";

std::vector<std::tuple<std::string, std::string, std::vector<std::int64_t>, int>> llama_tensors() {
  std::vector<std::tuple<std::string, std::string, std::vector<std::int64_t>, int>> list = {
      {"model.embed_tokens.weight", "BF16", {100, 64}, 2}};
  for (int i = 0; i < 2; ++i) {
    const std::string p = "model.layers." + std::to_string(i) + ".";
    list.push_back({p + "input_layernorm.weight", "BF16", {64}, 2});
    list.push_back({p + "self_attn.q_proj.weight", "BF16", {64, 64}, 2});
    list.push_back({p + "self_attn.k_proj.weight", "BF16", {32, 64}, 2});
    list.push_back({p + "self_attn.v_proj.weight", "BF16", {32, 64}, 2});
    list.push_back({p + "self_attn.o_proj.weight", "BF16", {64, 64}, 2});
    list.push_back({p + "post_attention_layernorm.weight", "BF16", {64}, 2});
    list.push_back({p + "mlp.gate_proj.weight", "BF16", {128, 64}, 2});
    list.push_back({p + "mlp.up_proj.weight", "BF16", {128, 64}, 2});
    list.push_back({p + "mlp.down_proj.weight", "BF16", {64, 128}, 2});
  }
  list.push_back({"model.norm.weight", "BF16", {64}, 2});
  list.push_back({"lm_head.weight", "BF16", {100, 64}, 2});
  return list;
}

std::int64_t bytes_of(const Ordered& header) { return header.back()["data_offsets"][1]; }

TestFile file_of(const std::string& name, const Ordered& header) {
  const std::string bytes = safetensors(header);
  return {name, bytes, static_cast<std::int64_t>(bytes.size()) + bytes_of(header)};
}

Json estimate(const Json& file, const std::string& engine) {
  return Json::parse(call(
      Json{{"op", "estimate"}, {"model", {{"file", file}}}, {"context", 512}, {"engine", {{"name", engine}}}}.dump()));
}

}  // namespace

TEST_CASE("a checkpoint weighs what its tensors weigh, in every engine that loads it as it is") {
  const Ordered header = tensors_of(llama_tensors());
  for (const std::int64_t chunk : {1 << 22, 100, 7}) {
    const Json answer = read_files({file_of("model.safetensors", header), {"config.json", kConfig}}, true, chunk);
    INFO(answer.dump());
    REQUIRE(answer["ok"] == true);
    const Json& file = answer["file"];
    REQUIRE(file["kind"] == "model");
    REQUIRE(file["architecture"] == "llama");
    REQUIRE(file["tensor_bytes"] == bytes_of(header));
    for (const char* engine : {"ideal", "transformers", "vllm"}) {
      const Json out = estimate(file, engine);
      INFO(engine << out.dump());
      REQUIRE(out["ok"] == true);
      REQUIRE(out["weights"]["bytes"] == bytes_of(header));
      REQUIRE(out["warnings"].empty());
    }
    REQUIRE(estimate(file, "llama.cpp")["ok"] == true);
  }
  const Json alone = read_files({file_of("model.safetensors", header)}, true);
  REQUIRE(alone["file"]["kind"] == "weights");
}

TEST_CASE("what the tensors say wins over the config") {
  auto list = llama_tensors();
  for (auto& [name, dtype, shape, bytes] : list) {
    dtype = "F32";
    bytes = 4;
  }
  const Ordered header = tensors_of(list);
  const Json file = read_files({file_of("model.safetensors", header), {"config.json", kConfig}}, true)["file"];
  const Json out = estimate(file, "transformers");
  REQUIRE(out["weights"]["bytes"] == bytes_of(header));
  REQUIRE(out["warnings"].size() == 1);
  REQUIRE(out["warnings"][0]["path"] == "/model/file/tensors");
}

TEST_CASE("where config.json was edited the sizes are the tensors'") {
  Json edited = Json::parse(kConfig);
  edited["num_hidden_layers"] = 3;
  edited["num_key_value_heads"] = 1;
  edited["vocab_size"] = 120;
  edited["intermediate_size"] = 256;
  edited["torch_dtype"] = "float16";
  const TestFile weights = file_of("model.safetensors", tensors_of(llama_tensors()));
  const Json wrong = estimate(read_files({weights, {"config.json", edited.dump()}}, true)["file"], "transformers");
  const Json right = estimate(read_files({weights, {"config.json", kConfig}}, true)["file"], "transformers");
  INFO(wrong.dump());
  REQUIRE(right["warnings"].empty());
  REQUIRE(wrong["warnings"].size() == 5);
  REQUIRE(wrong["ledger"] == right["ledger"]);
  REQUIRE(wrong["weights"] == right["weights"]);
  REQUIRE(wrong["weights"]["name"] == "BF16 (file)");
  // A list with an entry for each layer, or a part of a model: the config stands.
  edited = Json::parse(kConfig);
  edited["num_hidden_layers"] = 3;
  edited["layer_types"] = {"full_attention", "full_attention", "full_attention"};
  const Json listed = estimate(read_files({weights, {"config.json", edited.dump()}}, true)["file"], "transformers");
  REQUIRE(listed["model"]["num_hidden_layers"] == 3);
}

TEST_CASE("shards are found by the index, and by their names") {
  auto list = llama_tensors();
  const std::vector a(list.begin(), list.begin() + 10), b(list.begin() + 10, list.end());
  const TestFile one = file_of("model-00001-of-00002.safetensors", tensors_of(a)),
                 two = file_of("model-00002-of-00002.safetensors", tensors_of(b));
  Json map;
  for (const auto& entry : a) map[std::get<0>(entry)] = one.name;
  for (const auto& entry : b) map[std::get<0>(entry)] = two.name;
  const TestFile index{"model.safetensors.index.json",
                       Json{{"metadata", {{"total_size", 1}}}, {"weight_map", map}}.dump()};
  const TestFile config{"config.json", kConfig};
  const Json by_index = read_files({index, one, two, config}, true);
  INFO(by_index.dump());
  REQUIRE(by_index["file"]["tensor_count"] == 21);
  REQUIRE(by_index["file"]["file_count"] == 2);
  REQUIRE(read_files({one, two, config}, true)["file"]["tensor_count"] == 21);
  REQUIRE(message(read_files({index, one, config}, true)) == "this part of the model is missing");
  const TestFile evil{"model.safetensors.index.json", R"({"weight_map":{"a":"../../etc/passwd"}})"};
  REQUIRE(message(read_files({evil}, true)) == "the index names a file that cannot be");
}

TEST_CASE("quantized checkpoints are known by their tensors") {
  const auto format =
      [](const std::vector<std::tuple<std::string, std::string, std::vector<std::int64_t>, int>>& list) {
        const Json answer = read_files({file_of("model.safetensors", tensors_of(list))}, true);
        INFO(answer.dump());
        return answer["file"].value("quantization", "");
      };
  const std::string p = "model.layers.0.self_attn.q_proj.";
  REQUIRE(format({{p + "qweight", "I32", {64, 8}, 4},
                  {p + "qzeros", "I32", {1, 8}, 4},
                  {p + "scales", "F16", {1, 64}, 2}}) == "awq");
  REQUIRE(format({{p + "qweight", "I32", {8, 64}, 4},
                  {p + "qzeros", "I32", {1, 8}, 4},
                  {p + "scales", "F16", {1, 64}, 2},
                  {p + "g_idx", "I32", {64}, 4}}) == "gptq");
  REQUIRE(format({{p + "weight", "F8_E4M3", {64, 64}, 1}, {p + "weight_scale_inv", "F32", {1, 1}, 4}}) == "fp8_block");
  REQUIRE(format({{p + "weight", "F8_E4M3", {64, 64}, 1}, {p + "weight_scale", "F32", {64, 1}, 4}}) == "fp8_e4m3");
  REQUIRE(format({{"model.layers.0.mlp.experts.gate_up_proj_blocks", "U8", {4, 64, 2, 16}, 1},
                  {"model.layers.0.mlp.experts.gate_up_proj_scales", "U8", {4, 64, 2}, 1}}) == "mxfp4");
  REQUIRE(format({{p + "weight", "U8", {64, 32}, 1},
                  {p + "weight_scale", "F8_E4M3", {64, 4}, 1},
                  {p + "weight_scale_2", "F32", {}, 4}}) == "nvfp4");
  REQUIRE(format({{p + "weight", "U8", {2048, 1}, 1},
                  {p + "weight.absmax", "U8", {64}, 1},
                  {p + "weight.nested_absmax", "F32", {1}, 4}}) == "bnb_nf4_dq");
  REQUIRE(format({{p + "weight", "I8", {64, 64}, 1}, {p + "SCB", "F32", {64}, 4}}) == "bnb_int8");
  REQUIRE(format({{p + "weight", "BF16", {64, 64}, 2}}).empty());
}

TEST_CASE("broken safetensors files are refused in words") {
  const auto bad = [](const std::string& json) {
    Out out;
    out.put(static_cast<std::uint64_t>(json.size())).raw(json);
    return message(read_one("m.safetensors", out.bytes, static_cast<std::int64_t>(out.bytes.size()) + 1000));
  };
  Out huge;
  huge.put(std::uint64_t{1} << 63).raw("{}");
  REQUIRE(message(read_one("m.safetensors", huge.bytes)) ==
          "the header of this safetensors file has an impossible length");
  REQUIRE(message(read_one("m.safetensors", "abc")) == "the file is too short for a safetensors file");
  REQUIRE(bad("{\"a\":1}").starts_with("the header of this safetensors file is broken"));
  REQUIRE(bad("{\"a\":{\"dtype\":\"F9\",\"shape\":[1],\"data_offsets\":[0,4]}}")
              .find("a dtype that safetensors does not have") != std::string::npos);
  REQUIRE(bad("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}").find("lacks dtype, shape or data_offsets") !=
          std::string::npos);
  REQUIRE(bad("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}").find("does not have the bytes") !=
          std::string::npos);
  REQUIRE(bad("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296],\"data_offsets\":[0,4]}}")
              .find("does not have the bytes") != std::string::npos);
  REQUIRE(
      bad(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})") ==
      "two tensors overlap");
  REQUIRE(
      bad(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})") ==
      "two tensors have the same name");
  REQUIRE(bad(R"({"a":{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}})")
              .starts_with("the file is shorter than its tensors"));
  REQUIRE(bad("{\"\xFF\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}") ==
          "a tensor's name is not valid UTF-8");
  REQUIRE(bad("{\"a\":{\"x\":" + std::string(200, '[') + "}}").find("nested more than 64 levels") != std::string::npos);
  REQUIRE(bad("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}").find("not negative") !=
          std::string::npos);
  REQUIRE(bad("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}} x").find("something follows") !=
          std::string::npos);
}

TEST_CASE("other files are named, with what to give instead") {
  REQUIRE(message(read_one("x.pt", std::string("\x80\x02}q", 4))).find("a pickle") != std::string::npos);
  REQUIRE(message(read_one("x.gguf", "version https://git-lfs.github.com/spec/v1\n")).find("Git LFS") !=
          std::string::npos);
  REQUIRE(message(read_one("x.gguf", "<!DOCTYPE html>")).find("a web page") != std::string::npos);
  REQUIRE(message(read_one("x.h5", "\x89HDF\r\n")).find("HDF5") != std::string::npos);
  REQUIRE(message(read_one("x", "")) == "this file is empty");
  REQUIRE(message(read_files({{"a.gguf", "GGUF"}, {"b.gguf", "GGUF"}}, true)) == "several models lie here");
  REQUIRE(message(read_files({{"readme.md", "hello"}, {"x.txt", "y"}}, true)) == "no weights lie here");
}

namespace {

// A zip of stored entries without their data.
std::string zip_of(const std::vector<std::pair<std::string, std::uint32_t>>& entries, std::uint16_t method,
                   std::int64_t& size) {
  Out central;
  std::uint32_t at = 0;
  for (const auto& [name, bytes] : entries) {
    central.put(0x02014b50u).put(std::uint16_t{20}).put(std::uint16_t{20}).put(std::uint16_t{0}).put(method);
    central.put(std::uint32_t{0}).put(std::uint32_t{0}).put(bytes).put(bytes);
    central.put(static_cast<std::uint16_t>(name.size()))
        .put(std::uint16_t{0})
        .put(std::uint16_t{0})
        .put(std::uint16_t{0});
    central.put(std::uint16_t{0}).put(std::uint32_t{0}).put(at).raw(name);
    at += 30 + static_cast<std::uint32_t>(name.size()) + bytes;
  }
  Out end;
  const auto count = static_cast<std::uint16_t>(entries.size());
  end.put(0x06054b50u).put(std::uint32_t{0}).put(count).put(count);
  end.put(static_cast<std::uint32_t>(central.bytes.size())).put(at).put(std::uint16_t{0});
  std::string file = "PK\x03\x04";
  file.resize(at);
  file += central.bytes + end.bytes;
  size = static_cast<std::int64_t>(file.size());
  return file;
}

}  // namespace

TEST_CASE("a PyTorch zip is sized from its index, a bomb is refused") {
  std::int64_t size = 0;
  const std::string good =
      zip_of({{"archive/data.pkl", 100}, {"archive/data/0", 4096}, {"archive/data/1", 4096}}, 0, size);
  for (const std::int64_t chunk : {1 << 22, 300, 9}) {
    const Json answer = read_one("pytorch_model.bin", good, size, chunk);
    INFO(answer.dump());
    REQUIRE(answer["file"]["format"] == "pytorch");
    REQUIRE(answer["file"]["tensor_bytes"] == 8192);
    REQUIRE(answer["file"]["tensor_count"] == 2);
  }
  REQUIRE(message(read_one("x.bin", zip_of({{"a/data/0", 4096}}, 8, size))).find("compressed") != std::string::npos);
  REQUIRE(message(read_one("x.bin", zip_of({{"a/b", 4096}}, 0, size))) == "this zip holds no PyTorch tensors");
  std::string bomb = good;
  bomb.erase(200, 8000);  // the entries no longer fit the file
  REQUIRE(message(read_one("x.bin", bomb)).find("this zip") != std::string::npos);
  REQUIRE(message(read_one("x.bin", good.substr(0, good.size() - 30))).find("unfinished download") !=
          std::string::npos);
}

TEST_CASE("ONNX initializers are counted, their data leapt over") {
  const auto varint = [](std::uint64_t n) {
    std::string s;
    do {
      s += static_cast<char>((n & 127) | (n > 127 ? 128 : 0));
      n >>= 7;
    } while (n > 0);
    return s;
  };
  const auto field = [&](int number, const std::string& bytes) {
    return varint(static_cast<std::uint64_t>(number) << 3 | 2) + varint(bytes.size()) + bytes;
  };
  const auto whole = [&](int number, std::uint64_t v) {
    return varint(static_cast<std::uint64_t>(number) << 3) + varint(v);
  };
  const std::string tensor =
      whole(1, 100) + whole(1, 64) + whole(2, 10) + field(8, "w") + field(9, std::string(12800, 'x'));
  const std::string other = field(1, varint(64)) + whole(2, 1) + field(8, "b") + field(9, std::string(256, 'x'));
  const std::string model =
      whole(1, 9) + field(2, "pytorch") + field(7, field(2, "main") + field(5, tensor) + field(5, other));
  for (const std::int64_t chunk : {1 << 22, 50, 1}) {
    const Json answer = read_one("model.onnx", model, -1, chunk);
    INFO(answer.dump());
    REQUIRE(answer["file"]["tensor_bytes"] == 13056);
    REQUIRE(answer["file"]["tensor_count"] == 2);
    REQUIRE(answer["file"]["format"] == "onnx");
  }
  REQUIRE(read_one("model.onnx", model.substr(0, 5000))["ok"] == false);
  REQUIRE(read_one("model.onnx", "hello")["ok"] == false);
}

TEST_CASE("a Diffusers folder lists its components") {
  const TestFile index{
      "p/model_index.json",
      R"({"_class_name":"FluxPipeline","_diffusers_version":"0.30","transformer":["diffusers","FluxTransformer2DModel"],
    "vae":["diffusers","AutoencoderKL"],"scheduler":["diffusers","FlowMatchEulerDiscreteScheduler"],"tokenizer":["transformers","CLIPTokenizer"],"safety_checker":[null,null]})"};
  const Ordered a = tensors_of({{"double_blocks.0.w", "BF16", {64, 64}, 2}}),
                b = tensors_of({{"decoder.w", "F32", {8, 8}, 4}});
  const Json answer = read_files({index,
                                  file_of("p/transformer/diffusion_pytorch_model.safetensors", a),
                                  {"p/transformer/config.json", R"({"num_layers":19})"},
                                  file_of("p/vae/diffusion_pytorch_model.safetensors", b),
                                  {"p/scheduler/scheduler_config.json", "{}"}},
                                 true);
  INFO(answer.dump());
  const Json& file = answer["file"];
  REQUIRE(file["kind"] == "pipeline");
  REQUIRE(file["architecture"] == "FluxPipeline");
  REQUIRE(file["components"].size() == 4);
  const auto named = [&](const std::string& name) {
    for (const Json& component : file["components"]) {
      if (component["name"] == name) return component;
    }
    return Json();
  };
  REQUIRE(named("transformer")["tensor_bytes"] == 8192);
  REQUIRE(named("transformer")["config"]["num_layers"] == 19);
  REQUIRE(named("vae")["types"][0]["type"] == "f32");
}
