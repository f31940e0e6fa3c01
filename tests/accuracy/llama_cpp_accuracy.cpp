// Estimates against what llama.cpp itself allocated: one table of errors per term, placement and architecture.
// usage: llama_cpp_accuracy <rows.json> [--targets <targets.json>] [--json <out>] [--worst N] [--arch NAME]
// Fails when a target that was met is lost. Where the rows are from: tests/accuracy/README.md.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "vram/llm.hpp"
#include "vram/read.hpp"

namespace {

using Json = nlohmann::json;
using vram::Bytes;

struct Sample {
  Bytes measured = 0;
  Bytes estimated = 0;
  bool inside = true;  // within the stated interval
  std::string what;
};

double mib(Bytes bytes) { return static_cast<double>(bytes) / (1024.0 * 1024.0); }

Json summary(const std::vector<Sample>& samples) {
  std::vector<double> relative;
  int exact = 0, near = 0, inside = 0;
  double worst = 0, worst_mib = 0;
  for (const Sample& s : samples) {
    const double error = mib(s.estimated - s.measured);
    if (s.estimated == s.measured) ++exact;
    if (std::fabs(error) <= 0.05) ++near;
    if (s.inside) ++inside;
    const double share = s.measured > 0 ? std::fabs(error) / mib(s.measured) : (s.estimated > 0 ? 1.0 : 0.0);
    relative.push_back(share);
    worst = std::max(worst, share);
    worst_mib = std::max(worst_mib, std::fabs(error));
  }
  std::sort(relative.begin(), relative.end());
  const auto at = [&](double q) {
    return relative[static_cast<std::size_t>(q * static_cast<double>(relative.size() - 1))];
  };
  const double n = static_cast<double>(samples.size());
  return {{"n", samples.size()},  {"exact", exact / n},  {"within_0_05_mib", near / n},
          {"inside", inside / n}, {"median", at(0.5)},   {"p95", at(0.95)},
          {"max", worst},         {"max_mib", worst_mib}};
}

void print(const std::string& name, const Json& s) {
  std::printf("%-44s n=%5d  exact %6.2f%%  0.05MiB %6.2f%%  median %6.3f%%  p95 %7.3f%%  max %7.2f%% %9.2f MiB\n",
              name.c_str(), s["n"].get<int>(), 100 * s["exact"].get<double>(), 100 * s["within_0_05_mib"].get<double>(),
              100 * s["median"].get<double>(), 100 * s["p95"].get<double>(), 100 * s["max"].get<double>(),
              s["max_mib"].get<double>());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::string out, only, targets;
  int worst = 0;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--json") out = argv[i + 1];
    if (flag == "--worst") worst = std::atoi(argv[i + 1]);
    if (flag == "--arch") only = argv[i + 1];
    if (flag == "--targets") targets = argv[i + 1];
  }
  std::ifstream file(argv[1]);
  const Json data = Json::parse(file);
  std::vector<vram::Model> models;
  std::vector<std::string> archs;
  std::map<std::string, int> skipped;
  std::vector<bool> usable;
  for (const Json& m : data["models"]) {
    auto model = vram::read_config(m["config"].dump(), "/model/config");
    archs.push_back(m["arch"]);
    usable.push_back(model.ok());
    if (!model.ok()) {
      std::printf("cannot read %s: %s %s\n", m["name"].get<std::string>().c_str(), model.error().path.c_str(),
                  model.error().message.c_str());
      models.emplace_back();
    } else {
      for (const auto& w : model->warnings)
        std::printf("warning %s: %s %s\n", m["name"].get<std::string>().c_str(), w.path.c_str(), w.message.c_str());
      models.push_back(std::move(*model));
    }
  }
  std::map<std::string, std::vector<Sample>> terms;
  std::map<std::string, std::size_t> column;
  for (std::size_t i = 0; i < data["columns"].size(); ++i) column[data["columns"][i]] = i;
  for (const Json& row : data["rows"]) {
    const auto get = [&](const char* name) -> const Json& { return row[column.at(name)]; };
    const auto index = get("model").get<std::size_t>();
    if (!only.empty() && archs[index] != only) continue;
    if (!usable[index]) {
      ++skipped["config cannot be read"];
      continue;
    }
    vram::LlmRequest request;
    request.model = &models[index];
    request.weights = *vram::find_weight_format(get("weights").get<std::string>());
    request.type_k = vram::find_tensor_type(get("type_k").get<std::string>());
    request.type_v = vram::find_tensor_type(get("type_v").get<std::string>());
    request.context = get("n_ctx");
    request.machine.count = get("gpus");
    vram::LlamaCppOptions o;
    o.n_ctx = get("n_ctx");
    o.flash_attn = get("flash_attn").get<int>() != 0;
    o.n_outputs_max = get("n_outputs_max");
    o.n_ubatch = get("n_ubatch");
    o.n_batch = get("n_batch");
    o.n_seq_max = get("n_seq_max");
    o.kv_unified = get("kv_unified").get<int>() != 0;
    o.swa_full = get("swa_full").get<int>() != 0;
    o.offload_kqv = get("offload_kqv").get<int>() != 0;
    o.n_gpu_layers = get("n_gpu_layers");
    o.n_cpu_moe = get("n_cpu_moe");
    request.engine = o;
    const auto estimate = vram::estimate(request);
    const std::string what = data["models"][index]["name"].get<std::string>() + " " + row.dump();
    if (!estimate.ok()) {
      ++skipped[estimate.error().message];
      continue;
    }
    // Sums of the ledger, by device and term.
    std::map<std::pair<int, int>, vram::Interval>
        sums;  // device (-1 host), term (0 model, 1 context, 2 compute, 3 output)
    for (const vram::Entry& e : estimate->ledger.entries) {
      const int device = e.device.type == vram::Device::Type::gpu ? e.device.index : -1;
      int term = -1;
      if (e.kind == vram::Kind::weights) term = 0;
      if (e.kind == vram::Kind::kv_cache || e.kind == vram::Kind::recurrent_state) term = 1;
      if (e.kind == vram::Kind::compute_buffer) term = 2;
      if (e.kind == vram::Kind::output_buffer) term = 3;
      if (term >= 0) sums[{device, term}] = sums[{device, term}] + e.bytes;
    }
    const bool partial = o.n_gpu_layers >= 0 || o.n_cpu_moe != 0;
    const std::string place = request.machine.count > 1 ? "several GPUs"
                              : o.n_cpu_moe != 0        ? "experts in RAM"
                              : o.n_gpu_layers == 0     ? "no layer on the GPU"
                              : partial                 ? "some layers on the GPU"
                              : !o.offload_kqv          ? "cache in RAM"
                                                        : "all on one GPU";
    const auto add = [&](const std::string& name, Bytes measured, vram::Interval estimated) {
      const Sample sample{measured, estimated.expected, measured >= estimated.low && measured <= estimated.high, what};
      terms[name].push_back(sample);
      terms[name + " | " + place].push_back(sample);
      terms[name + " | " + place + " | " + archs[index] + (o.flash_attn ? "" : " no-FA")].push_back(sample);
    };
    const char* names[] = {"gpu weights", "gpu cache", "gpu compute"};
    const char* columns[] = {"gpu_model", "gpu_context", "gpu_compute"};
    for (int term = 0; term < 3; ++term) {
      const Json& measured = get(columns[term]);
      for (std::size_t d = 0; d < measured.size(); ++d)
        add(names[term], measured[d], sums[{static_cast<int>(d), term}]);
    }
    add("host weights", get("host_model"), sums[{-1, 0}]);
    add("host cache", get("host_context"), sums[{-1, 1}]);
    add("host compute", get("host_compute"), sums[{-1, 2}]);
    add("output buffer", get("output"), sums[{-1, 3}]);
  }
  Json report;
  for (auto& [name, samples] : terms) {
    const Json s = summary(samples);
    report["terms"][name] = s;
    print(name, s);
    if (worst > 0 && std::count(name.begin(), name.end(), '|') == 2 && s["within_0_05_mib"] < 1.0) {
      std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) {
        return std::llabs(a.estimated - a.measured) > std::llabs(b.estimated - b.measured);
      });
      for (int i = 0; i < worst && i < static_cast<int>(samples.size()); ++i) {
        const Sample& x = samples[static_cast<std::size_t>(i)];
        if (std::fabs(mib(x.estimated - x.measured)) <= 0.05) break;
        std::printf("      %+10.2f of %9.2f  %s\n", mib(x.estimated - x.measured), mib(x.measured), x.what.c_str());
      }
    }
  }
  for (const auto& [reason, count] : skipped) std::printf("left out: %d, %s\n", count, reason.c_str());
  report["left_out"] = skipped;
  if (!out.empty()) std::ofstream(out) << report.dump(1) << '\n';
  if (targets.empty()) return 0;
  std::ifstream wanted(targets);
  bool met = true;
  for (const Json& target : Json::parse(wanted)) {
    const Json& found = report["terms"][target["term"].get<std::string>()];
    const bool ok = !found.is_null() && found["n"] >= target["n"] &&
                    found["within_0_05_mib"] >= target["within_0_05_mib"] && found["p95"] <= target["p95"] &&
                    found["max"] <= target["max"];
    if (!ok) std::printf("LOST: %s\n", target.dump().c_str());
    met = met && ok;
  }
  return met ? 0 : 1;
}
