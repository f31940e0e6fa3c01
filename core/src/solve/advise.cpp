// Which machines would do: every candidate in ones, twos, fours and eights, smallest first.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "vram/solve.hpp"

namespace vram {
namespace {

constexpr int kCounts[] = {1, 2, 4, 8};
constexpr Bytes kLeastOfSeveral = 8 * kGiB;  // nobody builds a machine of several smaller cards for this

struct Option {
  const Gpu* gpu;
  int count;
  Bytes nominal_total() const { return mul(gpu->memory_bytes_nominal, count); }
};

// Servers take a share of every GPU for a pool of their own.
bool is_server(const EngineOptions& engine) {
  return std::holds_alternative<VllmOptions>(engine) || std::holds_alternative<SglangOptions>(engine) ||
         std::holds_alternative<TensorRtLlmOptions>(engine);
}

// Every GPU of another machine shares every layer.
void split_anew(EngineOptions& engine) {
  if (auto* vllm = std::get_if<VllmOptions>(&engine)) {
    vllm->tensor_parallel_size = 0;
    vllm->pipeline_parallel_size = vllm->data_parallel_size = vllm->decode_context_parallel_size = 1;
  }
  if (auto* sglang = std::get_if<SglangOptions>(&engine)) {
    sglang->tp_size = 0;
    sglang->pp_size = sglang->dp_size = sglang->ep_size = 1;
    sglang->enable_dp_attention = false;
  }
  if (auto* trt = std::get_if<TensorRtLlmOptions>(&engine)) {
    trt->tensor_parallel_size = trt->moe_expert_parallel_size = 0;
    trt->pipeline_parallel_size = 1;
  }
}

// Laptops and shared memory do not come in twos; servers have no Metal and no integrated GPUs but NVIDIA's.
bool sensible(const Gpu& gpu, int count, const EngineOptions& engine) {
  const bool single =
      gpu.unified_memory || gpu.form_factor == "laptop" || gpu.form_factor == "soc" || gpu.form_factor == "embedded";
  if (count > 1 && (single || gpu.memory_bytes_nominal < kLeastOfSeveral)) return false;
  if (std::holds_alternative<MlxOptions>(engine)) return gpu.vendor == "apple" && count == 1;
  if (std::holds_alternative<ExLlamaOptions>(engine) && gpu.vendor == "apple") return false;
  if (is_server(engine)) return !gpu.unified_memory || gpu.vendor == "nvidia";
  return true;
}

// Dies of the same size: the popular one, then desktop before data centre, then the larger.
auto rank(const Option& option) {
  const Gpu& gpu = *option.gpu;
  return std::make_tuple(option.nominal_total(), option.count, !gpu.popular, gpu.form_factor != "desktop",
                         -gpu.memory_bytes, std::string_view(gpu.id));
}

// Whether a request fits depends on the machine through its count, its profile, its vendor, and, where the engine takes
// a share of the memory, through its size. Ledgers of equal machines are computed once.
class Fitter {
 public:
  Fitter(LlmRequest request, const ProfileOf& profile_of) : request_(std::move(request)), profile_of_(profile_of) {
    if (is_server(request_.engine)) {
      split_anew(request_.engine);
      least_ = weight_bytes(*request_.model, request_.weights, Part::text);  // shared by all GPUs at best
    }
  }

  bool may_fit(const Machine& machine) {
    if (least_ > mul(machine.gpu.memory_bytes, machine.count)) return false;
    const OverheadProfile& profile = profile_of_(machine);
    const bool by_size = is_server(request_.engine);
    const auto key = std::make_tuple(machine.count, &profile, machine.gpu.vendor, machine.gpu.unified_memory,
                                     by_size ? machine.gpu.memory_bytes : 0);
    const auto known = largest_peak_.find(key);
    if (known != largest_peak_.end()) return known->second <= capacity_bytes(machine);
    const Result<LlmEstimate> result = ask(machine, profile);
    Bytes peak = kMaxBytes;
    if (result.ok()) {
      peak = 0;
      for (const Peak& one : peaks(result->ledger)) {
        if (one.device.type == Device::Type::gpu) peak = std::max(peak, one.bytes.expected);
      }
    }
    largest_peak_.emplace(key, peak);
    return peak <= capacity_bytes(machine);
  }

  Fit fit(const Machine& machine) {
    const Result<LlmEstimate> result = ask(machine, profile_of_(machine));
    if (result.ok()) return check_fit(result->ledger, machine);
    Fit refused;
    refused.verdict = Fit::Verdict::does_not_fit;
    return refused;
  }

 private:
  Result<LlmEstimate> ask(const Machine& machine, const OverheadProfile& profile) {
    request_.machine = machine;
    request_.profile = profile;
    return estimate(request_);
  }

  LlmRequest request_;
  const ProfileOf& profile_of_;
  Bytes least_ = 0;
  std::map<std::tuple<int, const OverheadProfile*, std::string, bool, Bytes>, Bytes> largest_peak_;
};

}  // namespace

std::vector<Advice> advise(const LlmRequest& request, const std::vector<Gpu>& candidates, const ProfileOf& profile_of,
                           std::size_t at_most) {
  std::vector<Option> options;
  for (const Gpu& gpu : candidates) {
    for (const int count : kCounts) {
      if (sensible(gpu, count, request.engine)) options.push_back({&gpu, count});
    }
  }
  std::sort(options.begin(), options.end(), [](const Option& a, const Option& b) { return rank(a) < rank(b); });

  Fitter fitter(request, profile_of);
  std::vector<Advice> advice;
  std::set<std::string_view> done;          // GPUs of which fewer fit already
  std::set<std::tuple<Bytes, bool>> sizes;  // total size; single GPU or several
  for (const Option& option : options) {
    if (advice.size() == at_most) break;
    const std::tuple<Bytes, bool> size{option.nominal_total(), option.count > 1};
    if (done.contains(option.gpu->id) || sizes.contains(size)) continue;
    const Machine machine{*option.gpu, option.count};
    if (!fitter.may_fit(machine)) continue;
    const Fit fit = fitter.fit(machine);
    if (fit.verdict == Fit::Verdict::does_not_fit) continue;
    done.insert(option.gpu->id);
    sizes.insert(size);
    advice.push_back({machine, fit});
  }
  return advice;
}

}  // namespace vram
