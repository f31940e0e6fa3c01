#include "vram/ledger.hpp"

#include "catch.hpp"

using namespace vram;

namespace {
Entry entry(Kind kind, Device device, Stages stages, Interval bytes) {
  Entry e;
  e.kind = kind;
  e.device = device;
  e.stages = stages;
  e.bytes = bytes;
  return e;
}
}  // namespace

TEST_CASE("a peak is the fullest stage, not the sum of everything") {
  Ledger ledger;
  ledger.entries = {entry(Kind::weights, gpu(0), kInference, Interval::exact(100)),
                    entry(Kind::activations, gpu(0), Stage::prefill, {10, 20, 40}),
                    entry(Kind::cuda_graphs, gpu(0), Stage::decode, {5, 8, 60}),
                    entry(Kind::weights, kHost, kInference, Interval::exact(7))};
  const std::vector<Peak> found = peaks(ledger);
  REQUIRE(found.size() == 2);
  CHECK(found[0].device == gpu(0));
  CHECK(found[0].stage == Stage::prefill);
  CHECK(found[0].bytes.expected == 120);
  CHECK(found[0].bytes.low == 110);
  CHECK(found[0].bytes.high == 160);  // the decode stage could be the fuller one
  CHECK(found[1].device == kHost);
  CHECK(found[1].bytes == Interval::exact(7));
}

TEST_CASE("byte arithmetic saturates instead of wrapping") {
  CHECK(mul(Bytes{3'000'000'000}, Bytes{3'000'000'000}) == kMaxBytes);
  CHECK(product({1'000'000'000'000, 1'000'000, 1'000'000}) == kMaxBytes);
  CHECK(add(kMaxBytes, kMaxBytes) == kMaxBytes);
  CHECK(round_up(8193, 256) == 8448);
  CHECK(round_up(0, 256) == 0);
}
