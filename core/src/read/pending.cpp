// Families whose readers are still to come: refused by name.
#include "read/family.hpp"
#include "read/readers.hpp"

namespace vram::read {
namespace {
[[noreturn]] void not_yet(const Reading& reading) {
  refuse(reading.text.path_of("model_type"), "this family is not read yet", std::string(reading.text_type));
}
}  // namespace
void read_nas(Reading& reading) { not_yet(reading); }
void read_nemotron_h(Reading& reading) { not_yet(reading); }
void read_gemma3n(Reading& reading) { not_yet(reading); }
void read_gemma4(Reading& reading) { not_yet(reading); }
void read_deepseek_v4(Reading& reading) { not_yet(reading); }
void read_rwkv5(Reading& reading) { not_yet(reading); }
void read_bert(Reading& reading) { not_yet(reading); }
void read_whisper(Reading& reading) { not_yet(reading); }
void read_bart(Reading& reading) { not_yet(reading); }
void read_towers(Reading&) {}
}  // namespace vram::read
