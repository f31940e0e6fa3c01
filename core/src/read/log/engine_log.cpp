#include "read/log/engine_log.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace vram::read {
namespace {

constexpr std::size_t kLongestLine = 65536;  // the rest of a line is not looked at

constexpr std::size_t kMostTerms = 512;

struct Unit {
  std::string_view name;
  double bytes;
};
// vLLM prints GiB as "GB" in older versions; what it divides by is 2^30 all the same (vllm/utils, GiB_bytes).
constexpr Unit kUnits[] = {{"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0},
                           {"KB", 1024.0},  {"MB", 1048576.0},  {"GB", 1073741824.0}};

}  // namespace

const std::string* EngineLog::fact(std::string_view name) const {
  const auto found = facts.find(name);
  return found == facts.end() ? nullptr : &found->second;
}

const std::string* EngineLog::fact(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    if (const std::string* value = fact(name)) return value;
  }
  return nullptr;
}

void EngineLog::add(std::string_view term, std::string_view device, std::string_view unit, Printed figure) {
  for (LogTerm& known : terms) {
    if (known.term != term || known.device != device) continue;
    known.parts.push_back(std::move(figure));
    return;
  }
  if (terms.size() > kMostTerms) return;  // no engine has so many; the caller refuses
  terms.push_back({std::string(term), std::string(device), std::string(unit), {std::move(figure)}});
}

void EngineLog::drop(std::string_view term, std::string_view device) {
  terms.erase(std::remove_if(terms.begin(), terms.end(),
                             [&](const LogTerm& known) {
                               return known.term == term && (device.empty() || known.device == device);
                             }),
              terms.end());
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\v\f";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool printed_figure(std::string_view text, Printed& figure) {
  text = trimmed(text);
  std::int64_t digits = 0;  // as if there were no point
  int count = 0;
  std::size_t at = 0;
  int decimals = -1;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c >= '0' && c <= '9') {
      digits = 10 * digits + (c - '0');
      if (++count > 18) return false;
      if (decimals >= 0) ++decimals;
    } else if (c == '.' && decimals < 0) {
      decimals = 0;
    } else if (c == ',' && decimals < 0 && at + 3 < text.size() && text[at + 1] >= '0' && text[at + 1] <= '9') {
      continue;  // thousands
    } else {
      break;
    }
  }
  if (count == 0) return false;
  const double number = static_cast<double>(digits) / std::pow(10.0, std::max(decimals, 0));
  std::string_view rest = trimmed(text.substr(at));
  double factor = 1;
  std::size_t end = at;
  for (const Unit& unit : kUnits) {
    if (!rest.starts_with(unit.name)) continue;
    factor = unit.bytes;
    end = static_cast<std::size_t>(rest.data() - text.data()) + unit.name.size();
    break;
  }
  figure.text = std::string(text.substr(0, end));
  figure.value = number * factor;
  figure.half_step = (decimals > 0 ? 0.5 * std::pow(10.0, -decimals) : factor > 1 ? 0.5 : 0) * factor;
  return true;
}

EngineLog read_log(std::string_view text) {
  EngineLog log;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, std::min(end, kLongestLine));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (read_llama_cpp_line(line, log)) {
      log.engine = "llama.cpp";
      ++log.lines;
    } else if (read_vllm_line(line, log)) {
      if (log.engine.empty()) log.engine = "vllm";
      ++log.lines;
    }
  }
  return log;
}

}  // namespace vram::read
