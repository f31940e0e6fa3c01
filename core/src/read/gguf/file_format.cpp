// What a GGUF is called. Files say so themselves (general.file_type), and not all of them rightly: conversions and
// merges keep the number of the file they were made from.
#include <cmath>
#include <map>

#include "read/gguf/gguf.hpp"
#include "read/gguf/model.hpp"
#include "vram/storage.hpp"

namespace vram::read {
namespace {

// A mix has at least this share of its bytes in the type it is named after.
constexpr double kLeastShare = 0.1;

}  // namespace

FileFormat format_of_gguf(const FileFacts& facts) {
  FileFormat found{"fp16", "", ""};
  std::map<std::string_view, Bytes> by_type;
  Bytes all = 0, most = 0;
  std::int64_t elements = 0;
  for (const TensorGroup& group : facts.tensors.groups()) {
    const Bytes bytes = mul(group.bytes, group.count());
    all = add(all, bytes);
    elements = add(elements, mul(group.elements(), group.count()));
    by_type[group.type] = add(by_type[group.type], bytes);
  }
  if (all == 0 || elements == 0) return found;
  for (const auto& [type, bytes] : by_type) {
    if (bytes > most) found.mostly = type;
    most = std::max(most, bytes);
  }

  const WeightFormat* said = nullptr;
  const auto number = facts.metadata.find("general.file_type");
  if (number != facts.metadata.end() && number->is_number_unsigned() && *number < 4096)
    said = find_weight_format(file_type_name(number->get<std::int64_t>()));
  if (said != nullptr && said->type != nullptr) {
    found.id = said->id;
    const auto own = by_type.find(said->type->id);
    Bytes named = own == by_type.end() ? 0 : own->second;
    for (const TensorGroup& group : facts.tensors.groups()) {
      // Rows that are no whole blocks get another type (llama-quant.cpp, tensor_type_fallback): the file is still
      // called so.
      const bool other = group.type != said->type->id && group.shape.size() > 1;
      if (other && group.shape[0] % said->type->block_elements != 0)
        named = add(named, mul(group.bytes, group.count()));
    }
    if (static_cast<double>(named) >= kLeastShare * static_cast<double>(all)) return found;
    found.said = said->name;
  }

  // The format of that type which comes nearest in bits; of any type, where none is named after it.
  const double bits = 8.0 * static_cast<double>(all) / static_cast<double>(elements);
  double nearest = 1e9;
  for (const bool same_type : {true, false}) {
    for (const WeightFormat& format : weight_formats()) {
      const bool fits = same_type ? format.type != nullptr && format.type->id == found.mostly
                                  : format.scheme == WeightFormat::Scheme::gguf;
      if (!fits) continue;
      const double apart = std::abs(nominal_bits_per_weight(format) - bits);
      if (apart < nearest) found.id = format.id;
      nearest = std::min(nearest, apart);
    }
    if (nearest < 1e9) break;
  }
  return found;
}

}  // namespace vram::read
