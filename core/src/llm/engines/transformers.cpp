// Hugging Face transformers generate(): weights, the cache objects, the prefill's activations.
#include <algorithm>

#include "llm/engines/engines.hpp"
#include "llm/parts.hpp"

namespace vram {

TransformersOptions effective(const LlmRequest&, const TransformersOptions& options) { return options; }

Result<LlmEstimate> estimate_transformers(const LlmRequest& request, const TransformersOptions& options) {
  Result<LlmEstimate> result = estimate_ideal(request);
  if (!result.ok()) return result;
  for (Entry& entry : result->ledger.entries) {
    if (entry.kind != Kind::kv_cache && entry.kind != Kind::recurrent_state) continue;
    entry.bytes = Interval::exact(mul(entry.bytes.expected, options.num_beams));
  }
  return result;
}

}  // namespace vram
