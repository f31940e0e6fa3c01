// GGUF headers of every version and byte order, in chunks of any size; what is wrong with a file is said.
#include "catch.hpp"
#include "file_builder.hpp"
#include "vram/api.hpp"

using namespace vram;
using namespace vram::testing;
using Json = nlohmann::json;

namespace {

std::string whole(const GgufBuilder& b) { return b.header(); }
std::int64_t size_of(const GgufBuilder& b) { return static_cast<std::int64_t>(b.header().size() + b.end); }

Json read(const GgufBuilder& b, std::int64_t chunk = 1 << 22) {
  return read_one("m.gguf", whole(b), size_of(b), chunk);
}

std::string message(const Json& answer) {
  REQUIRE(answer["ok"] == false);
  return answer["error"]["message"];
}

}  // namespace

TEST_CASE("a GGUF is read alike in every version, byte order and chunk size") {
  const Json expected = read(tiny_llama())["file"];
  REQUIRE(expected["kind"] == "model");
  REQUIRE(expected["architecture"] == "llama");
  REQUIRE(expected["tensor_count"] == 21);
  REQUIRE(expected["tensor_bytes"] == 174336);
  REQUIRE(expected["vocabulary"] == 4);
  REQUIRE(expected["metadata"]["llama.attention.head_count"] == 4);
  REQUIRE_FALSE(expected["metadata"].contains("tokenizer.ggml.tokens"));
  for (const std::uint32_t version : {1u, 2u, 3u}) {
    for (const bool big : {false, true}) {
      for (const std::int64_t chunk : {1 << 22, 4096, 64, 7, 1}) {
        Json file = read(tiny_llama(version, big), chunk)["file"];
        file["header_bytes"] = expected["header_bytes"];
        file["file_bytes"] = expected["file_bytes"];
        REQUIRE(file == expected);
      }
    }
  }
}

TEST_CASE("every type of metadata is walked over") {
  GgufBuilder b;
  b.string("general.architecture", "llama");
  b.key("a.u8", 0).metadata.put(std::uint8_t{200});
  b.key("a.i8", 1).metadata.put(std::int8_t{-3});
  b.key("a.u16", 2).metadata.put(std::uint16_t{60000});
  b.key("a.i16", 3).metadata.put(std::int16_t{-30000});
  b.key("a.i32", 5).metadata.put(std::int32_t{-7});
  b.key("a.f32", 6).metadata.put(0.5f);
  b.key("a.bool", 7).metadata.put(std::uint8_t{1});
  b.key("a.u64", 10).metadata.put(std::uint64_t{1} << 40);
  b.key("a.i64", 11).metadata.put(std::int64_t{-1});
  b.key("a.f64", 12).metadata.put(0.25);
  b.numbers("a.list", {1, 2, 3}).strings("a.texts", {"x", "y"});
  // A list of two lists of numbers.
  b.key("a.nested", 9).metadata.put(std::uint32_t{9}).put(std::uint64_t{2});
  for (int i = 0; i < 2; ++i) b.metadata.put(std::uint32_t{4}).put(std::uint64_t{1}).put(std::uint32_t{5});
  b.number("a.last", 9);
  const Json metadata = read(b)["file"]["metadata"];
  REQUIRE(metadata["a.u8"] == 200);
  REQUIRE(metadata["a.i8"] == -3);
  REQUIRE(metadata["a.u16"] == 60000);
  REQUIRE(metadata["a.i16"] == -30000);
  REQUIRE(metadata["a.i32"] == -7);
  REQUIRE(metadata["a.f32"] == 0.5);
  REQUIRE(metadata["a.bool"] == true);
  REQUIRE(metadata["a.u64"] == std::uint64_t{1} << 40);
  REQUIRE(metadata["a.i64"] == -1);
  REQUIRE(metadata["a.f64"] == 0.25);
  REQUIRE(metadata["a.list"] == Json({1, 2, 3}));
  REQUIRE(metadata["a.last"] == 9);
}

TEST_CASE("vocabularies are leapt over where a source can seek") {
  GgufBuilder b = tiny_llama();
  b.key("tokenizer.ggml.scores", 9).metadata.put(std::uint32_t{6}).put(std::uint64_t{500'000});
  b.metadata.bytes.resize(b.metadata.bytes.size() + 2'000'000);
  std::int64_t asked = 0;
  const Json answer = read_files({{"m.gguf", whole(b), size_of(b)}}, false, 4096, true, &asked);
  REQUIRE(answer["ok"] == true);
  REQUIRE(asked < 20'000);
}

TEST_CASE("the weights of an estimate are the file's tensors to the byte") {
  GgufBuilder b = tiny_llama();
  const Json file = read(b)["file"];
  const Json request = {{"op", "estimate"}, {"model", {{"file", file}}}, {"context", 512}};
  const Json answer = Json::parse(call(request.dump()));
  INFO(answer.dump());
  REQUIRE(answer["ok"] == true);
  REQUIRE(answer["weights"]["bytes"] == file["tensor_bytes"]);
  REQUIRE(answer["model"]["num_hidden_layers"] == 2);
  REQUIRE(answer["model"]["vocab_size"] == 100);
  REQUIRE(answer["model"]["kv_bytes_per_token"]["full"] == 2 * 2 * 2 * 32);
  for (const Json& warning : answer["warnings"]) REQUIRE(warning["path"] == "/engine/flash_attn");  // heads of 16
}

TEST_CASE("tensors win over metadata, and the disagreement is told") {
  GgufBuilder b = tiny_llama();
  GgufBuilder other;
  other.string("general.architecture", "llama").number("llama.block_count", 2).number("llama.embedding_length", 64);
  other.number("llama.attention.head_count", 4).number("llama.attention.head_count_kv", 4);
  other.tensors = b.tensors;
  other.end = b.end;
  const Json request = {{"op", "estimate"}, {"model", {{"file", read(other)["file"]}}}, {"context", 512}};
  const Json answer = Json::parse(call(request.dump()));
  INFO(answer.dump());
  REQUIRE(answer["ok"] == true);
  REQUIRE(answer["model"]["kv_bytes_per_token"]["full"] == 256);
  REQUIRE(answer["warnings"][0]["path"] == "/model/file/metadata/llama.attention.head_count_kv");
}

TEST_CASE("a file is called by what its tensors are") {
  // What 4-bit tensors are called that say they are F16, as merges and re-uploads do; and what says nothing.
  const auto named = [](std::int64_t file_type, std::uint32_t type, std::uint64_t block, std::uint64_t bytes) {
    GgufBuilder b;
    b.string("general.architecture", "llama");
    if (file_type >= 0) b.number("general.file_type", static_cast<std::uint32_t>(file_type));
    b.number("llama.block_count", 1).number("llama.embedding_length", 256).number("llama.attention.head_count", 4);
    b.number("llama.context_length", 512).number("llama.feed_forward_length", 256);
    const auto add = [&](const char* name, std::uint64_t rows) {
      b.tensor(name, {256, rows}, type, 256 * rows / block * bytes);
    };
    add("token_embd.weight", 100);
    for (const char* name :
         {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight", "blk.0.attn_output.weight",
          "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight", "blk.0.ffn_down.weight"}) {
      add(name, 256);
    }
    b.tensor("output_norm.weight", {256}, 0, 1024);
    const Json request = {{"op", "estimate"}, {"model", {{"file", read(b)["file"]}}}, {"context", 512}};
    const Json out = Json::parse(call(request.dump()));
    INFO(out.dump());
    REQUIRE(out["ok"] == true);
    return out["weights"]["name"].get<std::string>() + (out["warnings"].empty() ? "" : ", warned");
  };
  CHECK(named(15, 12, 256, 144) == "Q4_K_M (file)");
  CHECK(named(14, 12, 256, 144) == "Q4_K_S (file)");
  CHECK(named(1, 12, 256, 144) == "Q4_K_S (file), warned");  // nearest in bits of those of Q4_K
  CHECK(named(-1, 12, 256, 144) == "Q4_K_S (file)");
  CHECK(named(-1, 8, 32, 34) == "Q8_0 (file)");
  CHECK(named(1, 1, 1, 2) == "FP16 (file)");
  CHECK(named(1, 30, 1, 2) == "BF16 (file), warned");
}

TEST_CASE("a split GGUF asks for its parts by name and adds them up") {
  GgufBuilder first = tiny_llama();
  const GgufBuilder all = tiny_llama();
  first.number("split.count", 2).number("split.no", 0).number("split.tensors.count", 21);
  GgufBuilder second;
  second.number("split.count", 2).number("split.no", 1);
  first.tensors.resize(11);
  first.end = 0;
  for (auto& t : first.tensors) {
    t.offset = first.end;
    first.end += 32768;
  }
  for (std::size_t i = 11; i < all.tensors.size(); ++i)
    second.tensor(all.tensors[i].name, all.tensors[i].shape, all.tensors[i].type, 32768);
  const std::string one = "dir/t-00001-of-00002.gguf", two = "dir/t-00002-of-00002.gguf";
  const TestFile a{one, whole(first), size_of(first)}, c{two, whole(second), size_of(second)};
  for (const auto& files : {std::vector<TestFile>{a, c}, std::vector<TestFile>{c, a}}) {
    const Json answer = read_files(files, true);
    INFO(answer.dump());
    REQUIRE(answer["file"]["tensor_count"] == 21);
    REQUIRE(answer["file"]["file_count"] == 2);
    REQUIRE(answer["file"]["architecture"] == "llama");
  }
  const Json alone = read_files({a}, false);
  REQUIRE(message(alone) == "this file is needed and was not found");
  REQUIRE(alone["error"]["path"] == "/" + two);
}

TEST_CASE("what is no model is recognised for what it is") {
  const auto kind = [](const GgufBuilder& b) { return read(b)["file"]["kind"].get<std::string>(); };
  GgufBuilder vocabulary;
  vocabulary.string("general.architecture", "llama").strings("tokenizer.ggml.tokens", {"a"});
  REQUIRE(kind(vocabulary) == "vocabulary");
  GgufBuilder lora;
  lora.string("general.architecture", "llama").string("general.type", "adapter").string("adapter.type", "lora");
  lora.tensor("blk.0.attn_q.weight.lora_a", {64, 8}, 1, 1024).tensor("blk.0.attn_q.weight.lora_b", {8, 64}, 1, 1024);
  REQUIRE(kind(lora) == "adapter");
  GgufBuilder vector;
  vector.string("general.architecture", "controlvector").tensor("direction.1", {64}, 0, 256);
  REQUIRE(kind(vector) == "control_vector");
  GgufBuilder imatrix;
  imatrix.string("general.type", "imatrix")
      .strings("imatrix.datasets", {"x"})
      .tensor("blk.0.attn_q.weight.in_sum2", {64}, 0, 256);
  REQUIRE(kind(imatrix) == "imatrix");
  GgufBuilder clip;
  clip.string("general.architecture", "clip").tensor("v.blk.0.attn_q.weight", {64, 64}, 1, 8192);
  REQUIRE(kind(clip) == "mmproj");
  GgufBuilder flux;
  flux.tensor("double_blocks.0.img_attn.qkv.weight", {64, 192}, 1, 24576);
  REQUIRE(kind(flux) == "diffusion");
  const Json request = {{"op", "estimate"}, {"model", {{"file", read(clip)["file"]}}}};
  REQUIRE(Json::parse(call(request.dump()))["error"]["path"] == "/model/file/kind");
}

TEST_CASE("broken GGUF files are refused in words") {
  const std::string good = whole(tiny_llama());
  const auto with = [&](std::size_t at, auto value) {
    std::string bad = good;
    std::memcpy(bad.data() + at, &value, sizeof value);
    return message(read_one("m.gguf", bad, size_of(tiny_llama())));
  };
  REQUIRE(message(read_one("m.gguf", "GGML" + good.substr(4))) == "this is no file of weights that is known here");
  REQUIRE(message(read_one("m.bin", "ggml" + good.substr(4))) == "this is a GGML file of 2023, before GGUF");
  REQUIRE(with(4, std::uint32_t{4}) == "this version of GGUF is not known");
  REQUIRE(with(8, std::uint64_t{1} << 60) == "the file is too short for so many tensors");
  REQUIRE(with(16, ~std::uint64_t{0}) == "the file is too short for so much metadata");
  REQUIRE(with(24, std::uint64_t{1} << 63) == "a metadata key is too long");
  for (const std::size_t cut : {5u, 30u, 200u, 600u}) {
    REQUIRE(message(read_one("m.gguf", good.substr(0, cut))).find("the file") != std::string::npos);
  }
  REQUIRE(message(read_one("m.gguf", good)).starts_with("the file is shorter than its tensors"));

  const auto refused = [](GgufBuilder b) { return message(read(b)); };
  GgufBuilder b = tiny_llama();
  b.number("llama.block_count", 2);
  REQUIRE(refused(b) == "two metadata entries have the same key");
  b = tiny_llama();
  b.tensors.back().name = "output_norm.weight";
  REQUIRE(refused(b) == "two tensors have the same name");
  b = tiny_llama();
  b.tensors.back().offset = b.tensors[3].offset;
  REQUIRE(refused(b) == "two tensors overlap");
  b = tiny_llama();
  b.tensors.back().offset += 1;
  REQUIRE(refused(b).find("multiple of the alignment") != std::string::npos);
  b = tiny_llama();
  b.tensors.back().offset = std::uint64_t{1} << 62;
  REQUIRE(refused(b).find("begins beyond any file") != std::string::npos);
  b = tiny_llama();
  b.tensors.back().shape = {std::uint64_t{1} << 40, std::uint64_t{1} << 40, std::uint64_t{1} << 40};
  REQUIRE(refused(b).find("more elements than any file can hold") != std::string::npos);
  b = tiny_llama();
  b.tensors.back().shape = {1, 1, 1, 1, 1};
  REQUIRE(refused(b).find("too many dimensions") != std::string::npos);
  b = tiny_llama();
  b.tensors.back().type = 99;
  REQUIRE(refused(b).find("a type that ggml does not have") != std::string::npos);
  b = tiny_llama();
  b.tensors.back().type = 31;
  REQUIRE(refused(b).find("a type that ggml no longer reads") != std::string::npos);
  b = tiny_llama();
  b.tensors[1].name = "\xFF\xFE";
  REQUIRE(refused(b) == "a tensor's name is not valid UTF-8");
  b = tiny_llama();
  b.number("\xC3", 1);
  REQUIRE(refused(b).starts_with("a metadata key is not valid UTF-8"));
  b = tiny_llama();
  b.number("general.alignment", 3);
  REQUIRE(refused(b) == "general.alignment must be a power of two");
  b = tiny_llama();
  b.key("x", 13);
  REQUIRE(refused(b).starts_with("this type of metadata is not known"));
  b = tiny_llama();
  b.key("deep", 9);
  for (int i = 0; i < 12; ++i) b.metadata.put(std::uint32_t{9}).put(std::uint64_t{1});
  REQUIRE(refused(b).starts_with("lists are nested too deeply"));
  b = tiny_llama();
  b.key("long", 9).metadata.put(std::uint32_t{12}).put(~std::uint64_t{0} / 8);
  REQUIRE(refused(b).starts_with("a list is longer than the file"));
}

TEST_CASE("a file value that was tampered with is refused, never trusted") {
  const Json good = read(tiny_llama())["file"];
  const auto answer = [&](const std::string& pointer, const Json& value) {
    Json file = good;
    file[Json::json_pointer(pointer)] = value;
    return Json::parse(call(Json{{"op", "estimate"}, {"model", {{"file", file}}}, {"context", 64}}.dump()));
  };
  for (const auto& [pointer, value] :
       std::initializer_list<std::pair<std::string, Json>>{{"/tensors/0/shape", Json({-1})},
                                                           {"/tensors/0/shape/0", std::uint64_t{1} << 63},
                                                           {"/tensors/0/type", "q9_z"},
                                                           {"/tensors/0/bytes", -5},
                                                           {"/tensors/1/indices", "0-99999999"},
                                                           {"/tensors/1/indices", "3-1"},
                                                           {"/tensors/1/indices", "0,,1"},
                                                           {"/metadata/llama.attention.head_count", 0},
                                                           {"/metadata/llama.attention.head_count", "four"},
                                                           {"/metadata/llama.embedding_length", std::uint64_t{1} << 40},
                                                           {"/metadata/llama.block_count", 1'000'000},
                                                           {"/architecture", ""},
                                                           {"/kind", "song"},
                                                           {"/format", "mp3"},
                                                           {"/unknown", 1}}) {
    const Json refused = answer(pointer, value);
    INFO(pointer << " " << value.dump() << " " << refused.dump().substr(0, 400));
    REQUIRE(refused["ok"] == false);
    REQUIRE(refused["error"]["path"].get<std::string>().starts_with("/model/file"));
  }
  // Layers that are not those of the architecture are estimated by what they have.
  for (const char* architecture : {"mamba", "deepseek2", "falcon-h1", "qwen3next", "gemma3n", "lfm2", "granitehybrid",
                                   "nemotron_h", "llama4", "bert", "gpt2", "rwkv6", "some-new-one"}) {
    Json file = good;
    file["architecture"] = architecture;
    Json metadata = Json::object();
    for (const auto& [key, value] : good["metadata"].items()) {
      metadata[key.starts_with("llama.") ? architecture + key.substr(5) : key] = value;
    }
    file["metadata"] = metadata;
    const Json other = Json::parse(call(Json{{"op", "estimate"}, {"model", {{"file", file}}}, {"context", 64}}.dump()));
    INFO(architecture << other.dump().substr(0, 400));
    REQUIRE(other["ok"] == true);
    REQUIRE(other["weights"]["bytes"] == good["tensor_bytes"]);
  }
}
