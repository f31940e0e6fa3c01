// The reader of files at work: which files are open, what each still wants, and what happens when one is through.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "read/file/facts.hpp"
#include "read/file/parser.hpp"
#include "vram/read_file.hpp"

namespace vram {

struct FileReader::State {
  struct Open {
    std::string name;
    bool optional = false;
    std::unique_ptr<read::FileParser> parser;
    std::function<void()> done;     // the parser wants nothing more
    std::function<void()> missing;  // the file cannot be had; optional files only
    std::string pending = {};       // bytes from where the parser stands, too few for its next step
  };

  State() = default;
  explicit State(const std::string& sources);

  std::string answer();  // what the public functions return
  void push(const std::string& file, std::int64_t offset, read::ByteSpan bytes);
  void missing(const std::string& file);

  // What is in the list of sources.
  std::int64_t size_of(const std::string& name) const;
  bool listed(const std::string& name) const { return sources.count(name) > 0; }
  // False when the list is complete and lacks the file.
  bool may_exist(const std::string& name) const { return !complete || listed(name); }

  void open(Open file);
  // A whole JSON file of at most `limit` bytes; `use` gets its text.
  void open_text(const std::string& name, bool optional, std::int64_t limit,
                 std::function<void(const std::string&)> use, std::function<void()> not_there = {});

  // weights.cpp: a file of weights in whatever format; `done` gets that format's name.
  using WeightsDone = std::function<void(const read::FileParser&, std::string_view format)>;
  void open_weights(const std::string& name, read::TensorList& tensors, WeightsDone done);
  void add_part(const std::string& name, std::int64_t header_bytes);
  // Bytes of the file that were read.
  static std::int64_t header_of(const read::FileParser& parser, std::string_view format);

  // The layouts. Each opens what it needs and fills `facts`.
  void start();  // start.cpp: which of them it is
  void start_folder();
  void start_json(const std::string& name);
  void start_weights(const std::string& name);  // layouts.cpp
  void start_shards(const std::string& index);
  void start_shards_by_name(const std::vector<std::string>& names);
  void start_adapter(const std::string& name);
  void open_config(const std::string& beside);
  void start_json_text(const std::string& name, const std::string& text);
  void start_manifest(const std::string& name, const Json& json);  // manifest.cpp
  void start_pipeline(const std::string& name);                    // pipeline.cpp
  void open_component(const std::string& folder, read::PipelineComponent& component);
  void open_component_weights(const std::string& folder, read::PipelineComponent& component, std::size_t candidate);
  void open_component_file(const std::string& file, read::PipelineComponent& component, bool optional,
                           std::function<void()> not_there);
  void gguf_done(const std::string& name, const read::FileParser& parser);  // gguf_layout.cpp
  void settle();                                                            // settle.cpp: all has been read

  std::map<std::string, std::int64_t> sources;
  bool complete = false;
  std::list<Open> files;
  std::set<std::string> asked;  // names that have been opened, so that none is opened twice
  read::FileFacts facts;
  std::string finished;                   // the last answer, once there is one
  std::unique_ptr<unsigned char[]> room;  // not cleared: it is written before it is read
  std::size_t room_bytes = 0;
};

}  // namespace vram
