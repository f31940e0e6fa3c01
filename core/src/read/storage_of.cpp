#include "read/storage_of.hpp"

#include <algorithm>

namespace vram::read {
namespace {

// transformers accepts "bfloat16" and "torch.bfloat16".
std::string_view storage_id(std::string_view dtype) {
  if (dtype.starts_with("torch.")) dtype.remove_prefix(6);
  if (dtype == "bfloat16") return "bf16";
  if (dtype == "float16" || dtype == "half") return "f16";
  if (dtype == "float32" || dtype == "float") return "f32";
  if (dtype == "float8_e4m3fn") return "fp8_e4m3";
  if (dtype == "auto") return "bf16";
  return {};
}

bool contains(const Json* value, std::string_view part) {
  return value != nullptr && value->is_string() && value->get_ref<const std::string&>().find(part) != std::string::npos;
}

// compressed-tensors: the weights of the first group decide.
std::string compressed_tensors(const Keys& quantization, std::string& caution) {
  const Json* format = quantization.find("format");
  if (contains(format, "mxfp4")) return "mxfp4";
  if (contains(format, "nvfp4")) return "nvfp4";
  const Json* groups = quantization.find("config_groups");
  if (groups == nullptr || !groups->is_object() || groups->empty()) return "";
  const Json& group = *groups->begin();
  if (!group.is_object() || !group.contains("weights") || !group["weights"].is_object()) return "";
  const Json& weights = group["weights"];
  const Json bits = weights.value("num_bits", Json());
  const Json type = weights.value("type", Json("int"));
  if (bits == 8 && type == "float") return weights.value("strategy", Json()) == "block" ? "fp8_block" : "fp8_e4m3";
  if (bits == 4 && type == "float") return "nvfp4";
  if (bits == 4) {  // pack-quantized: 4-bit integers, one scale a group
    if (weights.value("group_size", Json(128)) != 128) {
      caution = "4-bit integers with another group size than 128: counted as GPTQ with 128, the scales take more";
    }
    return "gptq";
  }
  if (bits == 8) return "int8";
  return "";
}

std::string native_format(const Keys& quantization, std::string& caution) {
  const std::string method = quantization.text_or("quant_method", "");
  const Json* algorithm = quantization.find("quant_algo");
  if (method == "fp8") return quantization.has("weight_block_size") ? "fp8_block" : "fp8_e4m3";
  if (method == "fbgemm_fp8") return "fp8_e4m3";
  if (method == "mxfp4") return "mxfp4";
  if (method == "awq" || method == "gptq") {
    const Json* bits = quantization.find("bits");
    if (bits != nullptr && *bits == 8) return "int8";
    return bits == nullptr || *bits == 4 ? method : "";
  }
  if (method == "bitsandbytes") {
    const bool four = quantization.flag("load_in_4bit", false) || quantization.flag("_load_in_4bit", false);
    if (!four) return "bnb_int8";
    return quantization.flag("bnb_4bit_use_double_quant", false) ? "bnb_nf4_dq" : "bnb_nf4";
  }
  if (method == "compressed-tensors") return compressed_tensors(quantization, caution);
  if (method == "modelopt" || (method.empty() && algorithm != nullptr)) {
    if (contains(algorithm, "FP4")) return "nvfp4";
    if (contains(algorithm, "FP8")) return "fp8_e4m3";
    if (contains(algorithm, "MIXED_PRECISION")) {
      caution = "layers of different precision: all counted in FP8, the largest of them";
      return "fp8_e4m3";
    }
  }
  return "";
}

}  // namespace

void read_storage(const Keys& whole, const Keys& text, Model& model) {
  constexpr std::string_view dtypes[] = {"torch_dtype", "dtype"};
  const std::string_view outer = whole.first(dtypes);
  const std::string_view inner = text.first(dtypes);
  const Keys& keys = outer.empty() ? text : whole;
  if (const std::string_view key = outer.empty() ? inner : outer; !key.empty()) {
    const std::string dtype = keys.text_or(key, "");
    const std::string_view id = storage_id(dtype);
    if (id.empty()) {
      keys.refuse_at(key, "this data type is not understood", "bfloat16, float16 or float32");
    }
    model.torch_dtype = id;
  }
  model.native_weights = model.torch_dtype;
  if (model.torch_dtype == "fp8_e4m3") model.torch_dtype = "bf16";  // what computes and stays unquantized

  const Keys& holder = whole.has("quantization_config") ? whole : text;
  const Json* object = holder.find("quantization_config");
  if (object == nullptr) return;
  const Keys quantization(*object, holder.path_of("quantization_config"));
  std::string caution;
  const std::string native = native_format(quantization, caution);
  if (!caution.empty()) model.warnings.push_back({quantization.path(), caution});
  if (native.empty()) {
    model.warnings.push_back({quantization.path(),
                              "this quantization is not understood: the checkpoint's own size is "
                              "taken as that of its unquantized form"});
    return;
  }
  model.native_weights = native;
  if (text.text_or("expert_dtype", "") == "fp4") {  // DeepSeek-V4
    model.native_weights = "mxfp4";
    model.warnings.push_back({text.path_of("expert_dtype"),
                              "experts are stored in FP4 and the rest in FP8: the rest is counted in 16 bits"});
  }
}

}  // namespace vram::read
