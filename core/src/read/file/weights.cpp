// A file of weights whose format its first bytes tell, and what is said to files that are something else.
#include <algorithm>
#include <cstring>

#include "read/file/state.hpp"
#include "read/file/text_parser.hpp"
#include "read/gguf/gguf.hpp"
#include "read/onnx/onnx.hpp"
#include "read/pytorch/zip.hpp"
#include "read/safetensors/safetensors.hpp"

namespace vram {

using read::ByteSpan;
using read::FileParser;
using read::refuse_file;
using read::Wish;

namespace {

bool begins(ByteSpan bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

bool ends(std::string_view name, std::string_view suffix) { return name.ends_with(suffix); }

struct Other {
  std::string_view magic;
  std::string_view what;
  std::string_view instead;
};

constexpr std::string_view kConvert = "convert it with llama.cpp's convert_hf_to_gguf.py, or give the original model";
constexpr Other kOthers[] = {
    {"version https://git-lfs", "a pointer of Git LFS, not the file itself", "the file: `git lfs pull` brings it"},
    {"ggml", "a GGML file of 2023, before GGUF", kConvert},
    {"lmgg", "a GGML file of 2023, before GGUF", kConvert},
    {"fmgg", "a GGMF file of 2023, before GGUF", kConvert},
    {"tjgg", "a GGJT file of 2023, before GGUF", kConvert},
    {"\x80\x02", "a pickle, which only Python can read and which may run code", "the model's safetensors or GGUF"},
    {"\x80\x04", "a pickle, which only Python can read and which may run code", "the model's safetensors or GGUF"},
    {"\x89HDF", "an HDF5 file (Keras, TensorFlow)", "the model's safetensors or GGUF"},
    {"<!DOCTYPE", "a web page", "the file itself: on Hugging Face the address with /resolve/ in place of /blob/"},
    {"<!doctype", "a web page", "the file itself: on Hugging Face the address with /resolve/ in place of /blob/"},
    {"<html", "a web page", "the file itself: on Hugging Face the address with /resolve/ in place of /blob/"},
    {"\x1F\x8B", "a gzip archive", "what is in it, unpacked"},
    {"7z\xBC\xAF", "a 7-Zip archive", "what is in it, unpacked"},
    {"\x28\xB5\x2F\xFD", "a Zstandard archive", "what is in it, unpacked"},
    {"Rar!", "a RAR archive", "what is in it, unpacked"},
    {"\x93NUMPY", "a NumPy array", "the model's safetensors or GGUF"},
};

[[noreturn]] void refuse_other(const std::string& name, ByteSpan bytes) {
  for (const Other& other : kOthers) {
    if (begins(bytes, other.magic)) {
      refuse_file(name, "this is " + std::string(other.what), "", std::string(other.instead));
    }
  }
  if (bytes.size() >= 8 && std::memcmp(bytes.data() + 4, "TFL3", 4) == 0) {
    refuse_file(name, "this is a TensorFlow Lite file", "", "the model's safetensors or GGUF");
  }
  if (bytes.empty()) refuse_file(name, "this file is empty", "", "a file of weights");
  refuse_file(name, "this is no file of weights that is known here", "",
              "GGUF, safetensors, a PyTorch zip (.bin, .pt, .pth, .ckpt), ONNX, or a folder with one of them");
}

// Looks at the first bytes, then is the parser that they ask for.
class Sniffer : public FileParser {
  static constexpr std::size_t kEnoughToTell = 64;

 public:
  Sniffer(std::string name, std::int64_t file_bytes, read::TensorList& tensors)
      : name_(std::move(name)), file_bytes_(file_bytes), tensors_(tensors) {}

  Wish wish() const override { return inner_ ? inner_->wish() : Wish{0, std::int64_t{256} << 10}; }

  void feed(ByteSpan bytes, bool last) override {
    if (!inner_ && bytes.size() < kEnoughToTell && !last) return;  // comes again, with more
    if (!inner_) {
      choose(bytes);
      if (format_ == "pytorch") {  // reads from the end, unless the whole file is here
        const read::Wish wish = inner_->wish();
        if (wish.offset >= static_cast<std::int64_t>(bytes.size())) return;
        bytes = bytes.subspan(static_cast<std::size_t>(wish.offset));
      }
    }
    inner_->feed(bytes, last);
  }

  const FileParser& inner() const { return *inner_; }
  std::string_view format() const { return format_; }

 private:
  void choose(ByteSpan bytes) {
    const auto json = [&] {
      const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 64));
      const std::size_t first = head.find_first_not_of(" \t\r\n");
      return first != head.npos && head[first] == '{';
    };
    if (begins(bytes, "PK\x03\x04") || begins(bytes, "PK\x05\x06")) {
      take("pytorch", std::make_unique<read::PytorchZipParser>(name_, file_bytes_, tensors_));
    } else if (ends(name_, ".onnx")) {
      take("onnx", std::make_unique<read::OnnxParser>(name_, file_bytes_, tensors_));
    } else if (!ends(name_, ".safetensors") && json()) {
      take("json", std::make_unique<read::TextParser>(name_, file_bytes_, std::int64_t{8} << 20));
    } else if (begins(bytes, "GGUF")) {
      take("gguf", std::make_unique<read::GgufParser>(name_, file_bytes_, tensors_));
    } else if (ends(name_, ".safetensors") || (bytes.size() > 9 && bytes[8] == '{' && bytes[7] == 0 && bytes[6] == 0)) {
      if (begins(bytes, "version https://git-lfs") || begins(bytes, "<!DOCTYPE") || begins(bytes, "<!doctype") ||
          begins(bytes, "<html"))
        refuse_other(name_, bytes);
      take("safetensors", std::make_unique<read::SafetensorsParser>(name_, file_bytes_, tensors_));
    } else {
      refuse_other(name_, bytes);
    }
  }

  void take(std::string_view format, std::unique_ptr<FileParser> parser) {
    format_ = format;
    inner_ = std::move(parser);
  }

  std::string name_;
  std::int64_t file_bytes_;
  read::TensorList& tensors_;
  std::unique_ptr<FileParser> inner_;
  std::string_view format_;
};

}  // namespace

void FileReader::State::open_weights(const std::string& name, read::TensorList& tensors, WeightsDone use) {
  auto parser = std::make_unique<Sniffer>(name, size_of(name), tensors);
  const Sniffer* sniffer = parser.get();
  open({name,
        false,
        std::move(parser),
        [sniffer, use = std::move(use)] { use(sniffer->inner(), sniffer->format()); },
        {}});
}

std::int64_t FileReader::State::header_of(const read::FileParser& parser, std::string_view format) {
  if (format == "gguf") return static_cast<const read::GgufParser&>(parser).header().header_bytes;
  if (format == "safetensors") return static_cast<const read::SafetensorsParser&>(parser).header_bytes();
  if (format == "pytorch") return static_cast<const read::PytorchZipParser&>(parser).header_bytes();
  if (format == "onnx") return static_cast<const read::OnnxParser&>(parser).header_bytes();
  return 0;
}

void FileReader::State::add_part(const std::string& name, std::int64_t header_bytes) {
  facts.files.push_back({name, size_of(name), header_bytes});
}

}  // namespace vram
