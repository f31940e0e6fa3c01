// Small weight files for tests, byte by byte; tests/files/make.mjs has the same for JavaScript.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "vram/read_file.hpp"

namespace vram::testing {

// Bytes of numbers, in the order of this machine (little endian) or reversed.
struct Out {
  std::string bytes;
  bool reversed = false;

  template <class T>
  Out& put(T value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    for (std::size_t i = 0; i < sizeof value; ++i) bytes += raw[reversed ? sizeof value - 1 - i : i];
    return *this;
  }
  Out& raw(std::string_view text) {
    bytes += text;
    return *this;
  }
};

struct GgufBuilder {
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> shape;
    std::uint32_t type = 0;
    std::uint64_t offset = 0;
  };
  std::uint32_t version = 3;
  bool big_endian = false;
  std::uint64_t metadata_count = 0;
  Out metadata{};
  std::vector<Tensor> tensors{};
  std::uint64_t end = 0;  // of the data

  explicit GgufBuilder(std::uint32_t v = 3, bool big = false) : version(v), big_endian(big) { metadata.reversed = big; }

  void size(Out& out, std::uint64_t n) const {
    if (version == 1) {
      out.put(static_cast<std::uint32_t>(n));
    } else {
      out.put(n);
    }
  }
  void text(Out& out, std::string_view t) const {
    size(out, t.size());
    out.raw(t);
  }
  GgufBuilder& key(std::string_view name, std::uint32_t type) {
    text(metadata, name);
    metadata.put(type);
    ++metadata_count;
    return *this;
  }
  GgufBuilder& number(std::string_view name, std::uint32_t value) {
    key(name, 4);
    metadata.put(value);
    return *this;
  }
  GgufBuilder& string(std::string_view name, std::string_view value) {
    key(name, 8);
    text(metadata, value);
    return *this;
  }
  GgufBuilder& strings(std::string_view name, std::initializer_list<std::string_view> values) {
    key(name, 9);
    metadata.put(std::uint32_t{8});
    size(metadata, values.size());
    for (const std::string_view value : values) text(metadata, value);
    return *this;
  }
  GgufBuilder& numbers(std::string_view name, std::initializer_list<std::uint32_t> values) {
    key(name, 9);
    metadata.put(std::uint32_t{4});
    size(metadata, values.size());
    for (const std::uint32_t value : values) metadata.put(value);
    return *this;
  }
  // `bytes` of data, at the next multiple of 32.
  GgufBuilder& tensor(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type,
                      std::uint64_t bytes) {
    tensors.push_back({std::string(name), std::move(shape), type, end});
    end += (bytes + 31) / 32 * 32;
    return *this;
  }
  std::string header() const {
    Out out;
    out.reversed = big_endian;
    out.raw("GGUF").put(version);
    size(out, tensors.size());
    size(out, metadata_count);
    out.raw(metadata.bytes);
    for (const Tensor& t : tensors) {
      text(out, t.name);
      out.put(static_cast<std::uint32_t>(t.shape.size()));
      for (const std::uint64_t n : t.shape) size(out, n);
      out.put(t.type).put(t.offset);
    }
    out.bytes.resize((out.bytes.size() + 31) / 32 * 32);
    return out.bytes;
  }
};

// A Llama of two layers, 64 wide; F16 with F32 norms.
inline GgufBuilder tiny_llama(std::uint32_t version = 3, bool big_endian = false) {
  GgufBuilder b(version, big_endian);
  b.string("general.architecture", "llama").string("general.name", "tiny").number("general.file_type", 1);
  b.number("llama.block_count", 2).number("llama.context_length", 4096).number("llama.embedding_length", 64);
  b.number("llama.feed_forward_length", 128).number("llama.attention.head_count", 4);
  b.number("llama.attention.head_count_kv", 2).number("llama.rope.dimension_count", 16);
  b.strings("tokenizer.ggml.tokens", {"a", "bc", "", "def"}).numbers("tokenizer.ggml.token_type", {1, 1, 1, 1});
  b.tensor("token_embd.weight", {64, 100}, 1, 12800);
  for (int i = 0; i < 2; ++i) {
    const std::string p = "blk." + std::to_string(i) + ".";
    b.tensor(p + "attn_norm.weight", {64}, 0, 256).tensor(p + "attn_q.weight", {64, 64}, 1, 8192);
    b.tensor(p + "attn_k.weight", {64, 32}, 1, 4096).tensor(p + "attn_v.weight", {64, 32}, 1, 4096);
    b.tensor(p + "attn_output.weight", {64, 64}, 1, 8192).tensor(p + "ffn_norm.weight", {64}, 0, 256);
    b.tensor(p + "ffn_gate.weight", {64, 128}, 1, 16384).tensor(p + "ffn_up.weight", {64, 128}, 1, 16384);
    b.tensor(p + "ffn_down.weight", {128, 64}, 1, 16384);
  }
  b.tensor("output_norm.weight", {64}, 0, 256).tensor("output.weight", {64, 100}, 1, 12800);
  return b;
}

inline std::string safetensors(const nlohmann::ordered_json& header) {
  const std::string text = header.dump();
  Out out;
  out.put(static_cast<std::uint64_t>(text.size())).raw(text);
  return out.bytes;
}

struct TestFile {
  std::string name;
  std::string bytes;       // its beginning; the rest is a hole
  std::int64_t size = -1;  // of the whole file; -1: that of `bytes`
};

// Reads the files in chunks of at most `chunk` bytes and gives the last answer. `asked`: bytes that were brought.
inline nlohmann::json read_files(const std::vector<TestFile>& files, bool complete, std::int64_t chunk = 1 << 22,
                                 bool sizes = true, std::int64_t* asked = nullptr) {
  nlohmann::json sources = {{"files", nlohmann::json::array()}, {"complete", complete}};
  for (const TestFile& file : files) {
    const auto size = file.size < 0 ? static_cast<std::int64_t>(file.bytes.size()) : file.size;
    sources["files"].push_back({{"name", file.name}, {"bytes", sizes ? nlohmann::json(size) : nlohmann::json()}});
  }
  FileReader reader(sources.dump());
  nlohmann::json answer = nlohmann::json::parse(reader.next());
  for (int turns = 0; answer.contains("need") && turns < 1'000'000; ++turns) {
    const nlohmann::json need = answer["need"][0];
    const auto name = need["file"].get<std::string>();
    const TestFile* found = nullptr;
    for (const TestFile& file : files) {
      if (file.name == name) found = &file;
    }
    if (found == nullptr) {
      answer = nlohmann::json::parse(reader.missing(name));
      continue;
    }
    const auto size = found->size < 0 ? static_cast<std::int64_t>(found->bytes.size()) : found->size;
    const auto offset = need["offset"].get<std::int64_t>();
    const auto length = std::max<std::int64_t>(0, std::min({need["length"].get<std::int64_t>(), chunk, size - offset}));
    std::string bytes(static_cast<std::size_t>(length), '\0');
    if (offset < static_cast<std::int64_t>(found->bytes.size())) {
      const std::string_view there = std::string_view(found->bytes).substr(static_cast<std::size_t>(offset));
      std::memcpy(bytes.data(), there.data(), std::min(bytes.size(), there.size()));
    }
    if (asked != nullptr) *asked += length;
    answer = nlohmann::json::parse(
        reader.push(name, offset, {reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}));
  }
  return answer;
}

inline nlohmann::json read_one(const std::string& name, const std::string& bytes, std::int64_t size = -1,
                               std::int64_t chunk = 1 << 22) {
  return read_files({{name, bytes, size}}, false, chunk);
}

}  // namespace vram::testing
