#include "vram/storage.hpp"

#include "storage/schemes.hpp"
#include "storage/tables.hpp"

namespace vram {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == '-' ? '_' : c; }

bool same_id(std::string_view typed, std::string_view alias) {
  if (typed.size() != alias.size()) return false;
  for (std::size_t i = 0; i < typed.size(); ++i) {
    if (lower(typed[i]) != alias[i]) return false;
  }
  return true;
}

template <class T>
const T* find(std::span<const T> table, std::span<const StorageAlias> aliases, std::string_view id) {
  for (const StorageAlias& alias : aliases) {
    if (same_id(id, alias.alias)) return &table[static_cast<std::size_t>(alias.index)];
  }
  return nullptr;
}

}  // namespace

const TensorType* find_tensor_type(std::string_view id) { return find(tensor_types(), tensor_type_aliases(), id); }

const WeightFormat* find_weight_format(std::string_view id) {
  return find(weight_formats(), weight_format_aliases(), id);
}

Bytes row_bytes(const TensorType& type, std::int64_t row, std::int64_t rows) {
  const std::int64_t blocks = type.block_elements == 1 ? row : ceil_div(row, type.block_elements);
  return product({blocks, type.block_bytes, rows});
}

Bytes tensor_bytes(const WeightFormat& format, const Model& model, const Tensor& tensor) {
  const std::int64_t rows = product({tensor.ne1, tensor.ne2, tensor.count});
  if (format.as_stored && tensor.stored_bytes >= 0) return tensor.stored_bytes;
  if (format.as_stored && tensor.stored != nullptr) return row_bytes(*tensor.stored, tensor.ne0, rows);
  switch (format.scheme) {
    case WeightFormat::Scheme::plain: return row_bytes(*format.type, tensor.ne0, rows);
    case WeightFormat::Scheme::gguf: return row_bytes(gguf_tensor_type(format, model, tensor), tensor.ne0, rows);
    default: return quantizer_tensor_bytes(format, model, tensor);
  }
}

double nominal_bits_per_weight(const WeightFormat& format) {
  return format.bits_per_weight > 0 ? format.bits_per_weight : format.nominal_bpw;
}

}  // namespace vram
