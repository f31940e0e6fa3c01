#include "vram/llm.hpp"

#include "catch.hpp"

using namespace vram;

namespace {

Entry entry(Kind kind, Interval bytes, Device device = gpu(0), Stages stages = kInference) {
  Entry e;
  e.kind = kind;
  e.bytes = bytes;
  e.device = device;
  e.stages = stages;
  return e;
}

Machine machine(Bytes memory, int count = 1) {
  Machine m;
  m.gpu.memory_bytes = memory;
  m.count = count;
  return m;
}

}  // namespace

TEST_CASE("What just fits, fits; one byte more names the entry that breaks it") {
  Ledger ledger{
      {entry(Kind::weights, Interval::exact(60)), entry(Kind::kv_cache, Interval::exact(40), gpu(0), kRunning)}};
  Fit fit = check_fit(ledger, machine(100));
  CHECK(fit.verdict == Fit::Verdict::fits);
  CHECK(fit.headroom_bytes == 0);
  CHECK(fit.first_entry == -1);
  fit = check_fit(ledger, machine(99));
  CHECK(fit.verdict == Fit::Verdict::does_not_fit);
  CHECK(fit.headroom_bytes == -1);
  CHECK(fit.first_entry == 1);
  fit = check_fit(ledger, machine(59));
  CHECK(fit.first_entry == 0);
}

TEST_CASE("A high bound above capacity is tight") {
  const Ledger ledger{{entry(Kind::weights, Interval::exact(60)), entry(Kind::activations, {10, 20, 50})}};
  CHECK(check_fit(ledger, machine(100)).verdict == Fit::Verdict::tight);
  CHECK(check_fit(ledger, machine(110)).verdict == Fit::Verdict::fits);
}

TEST_CASE("The fullest GPU decides, memory of the host does not") {
  const Ledger ledger{{entry(Kind::weights, Interval::exact(10)), entry(Kind::weights, Interval::exact(30), gpu(1)),
                       entry(Kind::weights, Interval::exact(1000), kHost)}};
  const Fit fit = check_fit(ledger, machine(40, 2));
  CHECK(fit.verdict == Fit::Verdict::fits);
  CHECK(fit.device == gpu(1));
  CHECK(fit.headroom_bytes == 10);
}
