#include "read/pytorch/zip.hpp"

#include <algorithm>

namespace vram::read {
namespace {

constexpr std::int64_t kLongestTail = 65'535 + 22 + 20 + 56;  // a comment, the end, and what zip64 puts before it
constexpr std::int64_t kMaxIndex = std::int64_t{64} << 20;

std::uint64_t number(ByteSpan bytes, std::size_t at, int size) {
  std::uint64_t value = 0;
  for (int i = size - 1; i >= 0; --i) value = value << 8 | bytes[at + static_cast<std::size_t>(i)];
  return value;
}

}  // namespace

PytorchZipParser::PytorchZipParser(std::string name, std::int64_t file_bytes, TensorList& tensors)
    : name_(std::move(name)), file_bytes_(file_bytes), tensors_(tensors) {
  if (file_bytes_ == kUnknownSize) {
    refuse_file(name_, "the index of a zip stands at its end, and the size of this file is not known", "",
                "a source that tells the file's size");
  }
}

Wish PytorchZipParser::wish() const {
  const auto have = static_cast<std::int64_t>(buffer_.size());
  if (stage_ == Stage::end) {
    const std::int64_t tail = std::min(file_bytes_, kLongestTail);
    return {file_bytes_ - tail + have, tail - have};
  }
  if (stage_ == Stage::index) return {index_at_ + have, std::min(index_bytes_ - have, std::int64_t{4} << 20)};
  return {};
}

void PytorchZipParser::feed(ByteSpan bytes, bool) {
  const auto wanted =
      static_cast<std::size_t>(stage_ == Stage::end ? std::min(file_bytes_, kLongestTail) : index_bytes_);
  buffer_.append(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), wanted - buffer_.size()));
  if (buffer_.size() < wanted) return;
  const std::string whole = std::move(buffer_);
  buffer_.clear();
  const ByteSpan view{reinterpret_cast<const unsigned char*>(whole.data()), whole.size()};
  if (stage_ == Stage::end) {
    find_index(view);
  } else {
    read_index(view);
    stage_ = Stage::done;
  }
}

void PytorchZipParser::find_index(ByteSpan tail) {
  const auto is = [&](std::size_t at, std::uint64_t signature) { return number(tail, at, 4) == signature; };
  std::size_t end = tail.size();
  for (std::size_t at = tail.size() < 22 ? 0 : tail.size() - 21; at-- > 0;) {
    if (is(at, 0x06054b50)) {
      end = at;
      break;
    }
  }
  if (end == tail.size()) refuse_file(name_, "this zip has no index at its end: an unfinished download, or damaged");
  entries_ = number(tail, end + 10, 2);
  std::uint64_t size = number(tail, end + 12, 4), offset = number(tail, end + 16, 4);
  const std::uint64_t tail_at = static_cast<std::uint64_t>(file_bytes_) - tail.size();
  if (end >= 20 && is(end - 20, 0x07064b50)) {  // zip64: where the larger record stands
    const std::uint64_t record = number(tail, end - 20 + 8, 8);
    if (record < tail_at || record - tail_at > tail.size() - 56 || tail.size() < 56 ||
        !is(static_cast<std::size_t>(record - tail_at), 0x06064b50)) {
      refuse_file(name_, "the 64-bit index of this zip is broken", std::to_string(record));
    }
    const std::size_t at = static_cast<std::size_t>(record - tail_at);
    entries_ = number(tail, at + 32, 8);
    size = number(tail, at + 40, 8);
    offset = number(tail, at + 48, 8);
  }
  const auto file = static_cast<std::uint64_t>(file_bytes_);
  if (size > file || offset > file - size || size > static_cast<std::uint64_t>(kMaxIndex) || entries_ > size / 46) {
    refuse_file(name_, "the index of this zip is broken: it does not lie in the file", std::to_string(offset),
                "an index of at most 64 MiB within the file");
  }
  index_at_ = static_cast<std::int64_t>(offset);
  index_bytes_ = static_cast<std::int64_t>(size);
  stage_ = index_bytes_ > 0 ? Stage::index : Stage::done;
}

void PytorchZipParser::read_index(ByteSpan index) {
  std::size_t at = 0;
  Bytes sum = 0;
  std::int64_t storages = 0;
  for (std::uint64_t i = 0; i < entries_; ++i) {
    if (index.size() - at < 46 || number(index, at, 4) != 0x02014b50) {
      refuse_file(name_, "the index of this zip is broken", "entry " + std::to_string(i));
    }
    const auto method = number(index, at + 10, 2);
    std::uint64_t packed = number(index, at + 20, 4), size = number(index, at + 24, 4);
    const auto name_bytes = static_cast<std::size_t>(number(index, at + 28, 2));
    const auto extra_bytes = static_cast<std::size_t>(number(index, at + 30, 2));
    const auto comment_bytes = static_cast<std::size_t>(number(index, at + 32, 2));
    if (index.size() - at - 46 < name_bytes + extra_bytes + comment_bytes) {
      refuse_file(name_, "the index of this zip is broken", "entry " + std::to_string(i));
    }
    const std::string_view name(reinterpret_cast<const char*>(index.data()) + at + 46, name_bytes);
    const ByteSpan extra = index.subspan(at + 46 + name_bytes, extra_bytes);
    for (std::size_t e = 0; extra.size() - e >= 4;) {  // zip64: sizes that did not fit
      const auto field_bytes = static_cast<std::size_t>(number(extra, e + 2, 2));
      if (field_bytes > extra.size() - e - 4) break;
      if (number(extra, e, 2) == 1) {
        std::size_t v = e + 4;
        for (std::uint64_t* field : {&size, &packed}) {
          if (*field == 0xFFFFFFFF && v + 8 <= e + 4 + field_bytes) {
            *field = number(extra, v, 8);
            v += 8;
          }
        }
      }
      e += 4 + field_bytes;
    }
    if (method != 0 || packed != size) {
      refuse_file(name_, "this zip is compressed, which PyTorch's never are: nothing in it is unpacked here",
                  clean_utf8(name, 160), "a checkpoint as torch.save writes it");
    }
    if (size > static_cast<std::uint64_t>(file_bytes_)) {
      refuse_file(name_, "an entry of this zip is larger than the file", clean_utf8(name, 160));
    }
    sum = add(sum, static_cast<Bytes>(size));
    if (sum > file_bytes_)
      refuse_file(name_, "the entries of this zip overlap: together they are larger than the file");
    const std::size_t slash = name.find('/');
    if (slash != name.npos && name.substr(slash + 1).starts_with("data/")) {
      tensors_.add_storage(name_, static_cast<Bytes>(size));
      ++storages;
    }
    at += 46 + name_bytes + extra_bytes + comment_bytes;
  }
  if (storages == 0) {
    refuse_file(name_, "this zip holds no PyTorch tensors", "", "a checkpoint as torch.save writes it");
  }
}

}  // namespace vram::read
