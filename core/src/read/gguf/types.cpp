#include <array>

#include "read/gguf/gguf.hpp"
#include "vram/storage.hpp"

namespace vram::read {
namespace {

struct Numbered {
  std::uint32_t number;
  std::string_view id;
};

// ggml/include/ggml.h, enum ggml_type, as of llama.cpp v0.5.0.
constexpr Numbered kTypes[] = {
    {0, "f32"},      {1, "f16"},     {2, "q4_0"},     {3, "q4_1"},   {6, "q5_0"},    {7, "q5_1"},   {8, "q8_0"},
    {9, "q8_1"},     {10, "q2_k"},   {11, "q3_k"},    {12, "q4_k"},  {13, "q5_k"},   {14, "q6_k"},  {15, "q8_k"},
    {16, "iq2_xxs"}, {17, "iq2_xs"}, {18, "iq3_xxs"}, {19, "iq1_s"}, {20, "iq4_nl"}, {21, "iq3_s"}, {22, "iq2_s"},
    {23, "iq4_xs"},  {24, "int8"},   {25, "int16"},   {26, "int32"}, {27, "int64"},  {28, "f64"},   {29, "iq1_m"},
    {30, "bf16"},    {34, "tq1_0"},  {35, "tq2_0"},   {39, "mxfp4"}, {40, "nvfp4"},  {41, "q1_0"},  {42, "q2_0"},
};

// Taken out of ggml: files that hold them are read by no current build.
constexpr Numbered kRemoved[] = {
    {4, "q4_2"},      {5, "q4_3"},        {31, "q4_0_4_4"},   {32, "q4_0_4_8"},
    {33, "q4_0_8_8"}, {36, "iq4_nl_4_4"}, {37, "iq4_nl_4_8"}, {38, "iq4_nl_8_8"},
};

constexpr std::size_t kNumbers = 43;

std::array<GgmlType, kNumbers> table() {
  std::array<GgmlType, kNumbers> types{};
  for (const Numbered& row : kTypes) {
    const TensorType* type = find_tensor_type(row.id);
    types[row.number] = {row.id, type->block_elements, type->block_bytes};
  }
  for (const Numbered& row : kRemoved) types[row.number] = {row.id, 0, 0};
  return types;
}

struct FileTypeName {
  std::int64_t number;
  std::string_view name;
};

// llama.cpp include/llama.h, enum llama_ftype.
constexpr FileTypeName kFileTypes[] = {
    {0, "F32"},     {1, "F16"},     {2, "Q4_0"},       {3, "Q4_1"},    {7, "Q8_0"},     {8, "Q5_0"},
    {9, "Q5_1"},    {10, "Q2_K"},   {11, "Q3_K_S"},    {12, "Q3_K_M"}, {13, "Q3_K_L"},  {14, "Q4_K_S"},
    {15, "Q4_K_M"}, {16, "Q5_K_S"}, {17, "Q5_K_M"},    {18, "Q6_K"},   {19, "IQ2_XXS"}, {20, "IQ2_XS"},
    {21, "Q2_K_S"}, {22, "IQ3_XS"}, {23, "IQ3_XXS"},   {24, "IQ1_S"},  {25, "IQ4_NL"},  {26, "IQ3_S"},
    {27, "IQ3_M"},  {28, "IQ2_S"},  {29, "IQ2_M"},     {30, "IQ4_XS"}, {31, "IQ1_M"},   {32, "BF16"},
    {36, "TQ1_0"},  {37, "TQ2_0"},  {38, "MXFP4_MOE"}, {39, "NVFP4"},  {40, "Q1_0"},    {41, "Q2_0"},
};

}  // namespace

const GgmlType* find_ggml_type(std::uint32_t number) {
  static const std::array<GgmlType, kNumbers> types = table();
  if (number >= kNumbers || types[number].id.empty()) return nullptr;
  return &types[number];
}

std::string_view file_type_name(std::int64_t file_type) {
  for (const FileTypeName& row : kFileTypes) {
    if (row.number == (file_type & ~std::int64_t{1024})) return row.name;  // 1024: guessed from the tensors
  }
  return {};
}

}  // namespace vram::read
