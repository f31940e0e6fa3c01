#include "vram/residuals.hpp"

#include "catch.hpp"

using namespace vram;

namespace {

Entry entry(Kind kind, Interval bytes, std::string_view checked_by = {}) {
  Entry e;
  e.kind = kind;
  e.device = gpu(0);
  e.bytes = bytes;
  e.checked_by = checked_by;
  return e;
}

Residual ratio(double low, double high, Bytes from = 0, Bytes to = 0) {
  Residual r;
  r.id = "engine/activations";
  r.engine = "engine";
  r.kinds = Kind::activations;
  r.low = low;
  r.high = high;
  r.records = 16;
  r.from = from;
  r.to = to;
  return r;
}

}  // namespace

TEST_CASE("a fitted interval holds inside its range and widens outside, without turning back") {
  const Residual r = ratio(0.5, 1.5, 100, 1000);
  CHECK(spread(r, 400) == Interval{200, 400, 600});
  CHECK(spread(r, 0) == Interval{0, 0, 0});
  Interval before = spread(r, 1);
  for (Bytes expected = 2; expected < 5000; ++expected) {
    const Interval now = spread(r, expected);
    CHECK(now.low <= expected);
    CHECK(now.high >= expected);
    CHECK(now.low >= before.low);
    CHECK(now.high >= before.high);
    before = now;
  }
  CHECK(spread(r, 2000).high > 3000);  // wider than the fitted share
  CHECK(spread(r, kMaxBytes).high == kMaxBytes);
}

TEST_CASE("residuals give entries their interval and the number of records") {
  Ledger ledger;
  ledger.entries = {entry(Kind::weights, Interval::exact(1000)), entry(Kind::activations, {90, 100, 110}),
                    entry(Kind::activations, {0, 100, 900})};
  ledger.entries[2].assumed = true;
  const Residual rows[] = {ratio(0.5, 2)};
  apply(rows, "another", true, ledger);
  CHECK(ledger.entries[1].checked_on == 0);
  apply(rows, "engine", true, ledger);
  CHECK(ledger.entries[0].checked_on == 0);
  CHECK(ledger.entries[1].checked_on == 16);
  CHECK(ledger.entries[1].bytes == Interval{50, 100, 200});
  CHECK(ledger.entries[2].bytes == Interval{0, 100, 900});  // what is assumed is never narrowed
}

TEST_CASE("records of an exact term count, and say nothing of what the engine is not sure of") {
  Ledger ledger;
  ledger.entries = {entry(Kind::activations, Interval::exact(100)), entry(Kind::activations, {50, 100, 200})};
  const Residual rows[] = {ratio(1, 1)};
  apply(rows, "engine", true, ledger);
  CHECK(ledger.entries[0].checked_on == 16);
  CHECK(ledger.entries[1].checked_on == 0);
  CHECK(ledger.entries[1].bytes == Interval{50, 100, 200});
}

TEST_CASE("deviations measured apart combine as independent ones, those of one row and assumed ones add up") {
  Ledger ledger;
  ledger.entries = {entry(Kind::weights, Interval::exact(1000)), entry(Kind::activations, {70, 100, 130}, "a"),
                    entry(Kind::cuda_graphs, {60, 100, 140}, "b")};
  CHECK(peaks(ledger).front().bytes == Interval{1150, 1200, 1250});
  ledger.entries[2].checked_by = "a";
  CHECK(peaks(ledger).front().bytes == Interval{1130, 1200, 1270});
  ledger.entries.push_back(entry(Kind::reserved, {0, 10, 20}));
  CHECK(peaks(ledger).front().bytes == Interval{1130 - 0, 1210, 1290});
}

TEST_CASE("where a sum was measured, its own records bound it") {
  Ledger ledger;
  ledger.entries = {entry(Kind::weights, Interval::exact(1000)), entry(Kind::activations, {0, 1000, 5000}, "a")};
  Residual r = ratio(0.9, 1.1);
  r.of = Residual::Of::sum;
  r.kinds = Kinds(Kind::weights) | Kinds(Kind::activations);
  const Residual rows[] = {r};
  apply(rows, "engine", true, ledger);
  const Peak peak = peaks(ledger).front();
  CHECK(peak.bytes == Interval{1800, 2000, 2200});
  CHECK(peak.checked_on == 16);
}

TEST_CASE("the built-in rows are in order") {
  CHECK(!built_in_residuals().empty());
  for (const Residual& r : built_in_residuals()) {
    const bool added = r.of == Residual::Of::left;
    CHECK(r.low <= (added ? 0 : 1));
    CHECK(r.high >= (added ? 0 : 1));
    CHECK(r.records >= 5);
    CHECK(r.from <= r.to);
    CHECK(r.kinds.empty() == added);
  }
}
