// Weight files and folders of them, read by their headers: the reader says which bytes it wants, the caller brings
// them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace vram {

// One file or folder on its way to a `file` value (docs/api.md, "Files"). No I/O here: bytes come from a disk, a
// File.slice or an HTTP range, in the command line tool, in a browser and in the fuzzers alike.
//
//   FileReader reader(R"({"files":[{"name":"model.gguf","bytes":4920739232}],"complete":false})");
//   std::string answer = reader.next();
//   while (answer has "need") {
//     for (each {"file","offset","length","optional"} of "need") {
//       bring the bytes: answer = reader.push(file, offset, bytes), or answer = reader.missing(file);
//     }
//   }
//
// Sources: `name` is the path below the folder with '/', or the file's own name; `bytes` its size, null when unknown.
// `complete`: the list is all there is. Otherwise the reader may ask for further files by name (the other parts of a
// split file, a config.json beside the weights), relative to the folder of the file that names them.
//
// Every answer is one JSON object on one line:
//   {"ok":true,"need":[{"file":"model.gguf","offset":0,"length":262144,"optional":false}, ...]}
//   {"ok":true,"file":{...}}                         finished; takes no more bytes
//   {"ok":false,"error":{path,value,expected,message}}   as in docs/api.md; finished too
//
// `length` is what the reader would like to see at once. Fewer bytes are fine (it asks again from where it stands),
// none at all means that the file ends there. More are fine too. Needs of several files may be served in any order and
// side by side; each answer lists everything that is wanted at that time. `optional`: the estimate is better with it,
// `missing` costs nothing.
//
// Memory: no more than the header itself and one chunk, whatever the counts in the file say. Nothing throws.
class FileReader {
 public:
  explicit FileReader(const std::string& sources);
  ~FileReader();
  FileReader(FileReader&&) noexcept;
  FileReader& operator=(FileReader&&) noexcept;

  // What is wanted now, or the result.
  std::string next();
  // `bytes` of `file` from `offset` on; then what `next` says. Ranges that nobody asked for are ignored.
  std::string push(const std::string& file, std::int64_t offset, std::span<const unsigned char> bytes);
  // This file does not exist or cannot be had.
  std::string missing(const std::string& file);

  // For callers on the other side of a border: room for `length` bytes in our memory (64 MiB at most), and the push of
  // what was written there. The room is good until the next call. Offsets as JavaScript has them.
  unsigned char* room(std::size_t length);
  std::string push_room(const std::string& file, double offset, std::size_t length);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vram
