#include "vram/tape.hpp"

#include "catch.hpp"
#include "tape/ggml_allocator.hpp"

using namespace vram;

TEST_CASE("a tensor lives from its operation to its last reader") {
  Tape tape;
  const TapeId x = tape.input("x", 100);
  const TapeId a = tape.op("a", 1000, {x});
  const TapeId b = tape.op("b", 200, {a});
  tape.op("c", 50, {b});
  const Replay replay = replay_live_bytes(tape);
  CHECK(replay.peak_bytes == 1000 + 200);  // a is still read while b is written, x is gone
  CHECK(replay.peak_op == b);
}

TEST_CASE("views take no memory and keep what they show alive") {
  Tape tape;
  const TapeId a = tape.op("a", 1000, {});
  const TapeId v = tape.view("v", a);
  const TapeId vv = tape.view("vv", v);
  const TapeId b = tape.op("b", 300, {});
  tape.op("c", 10, {vv, b});
  CHECK(replay_live_bytes(tape).peak_bytes == 1310);
}

TEST_CASE("in-place operations take over an input of the same size that dies with them") {
  Tape dies, lives;
  for (Tape* tape : {&dies, &lives}) {
    const TapeId a = tape->op("a", 1000, {});
    const TapeId b = tape->op_inplace("b", 1000, {a});
    tape->op("c", 10, {b, tape == &lives ? a : b});
  }
  CHECK(replay_live_bytes(dies).peak_bytes == 1010);
  CHECK(replay_live_bytes(lives).peak_bytes == 2010);
  CHECK(replay_ggml(dies, 1).peak_bytes == 1010);
  CHECK(replay_ggml(lives, 1).peak_bytes == 2010);
}

TEST_CASE("outputs stay to the end") {
  Tape tape;
  const TapeId a = tape.op("a", 1000, {});
  tape.mark_output(a);
  const TapeId b = tape.op("b", 100, {a});
  tape.op("c", 500, {b});
  CHECK(replay_live_bytes(tape).peak_bytes == 1600);
  CHECK(replay_ggml(tape, 128).peak_bytes == 1024 + 128 + 512);
}

TEST_CASE("ggml's allocator: best fit, the later of equal gaps, merging, growth at the end") {
  GgmlAllocator memory(128);
  const Bytes a = memory.allocate(100);  // 128
  const Bytes b = memory.allocate(256);
  const Bytes c = memory.allocate(128);
  const Bytes d = memory.allocate(256);
  const Bytes e = memory.allocate(128);
  CHECK(a == 0);
  CHECK(b == 128);
  CHECK(c == 384);
  CHECK(d == 512);
  CHECK(e == 768);
  memory.free(b, 256);
  memory.free(d, 256);
  CHECK(memory.allocate(200) == d);    // equal gaps: the last one
  CHECK(memory.allocate(128) == b);    // the only gap, split
  CHECK(memory.allocate(300) == 896);  // fits no gap: the end grows
  CHECK(memory.peak() == 896 + 384);
  memory.free(c, 128);
  CHECK(memory.allocate(256) == b + 128);  // the rest of b and c have merged
}

TEST_CASE("ggml's allocator fragments where live bytes would not") {
  Tape tape;
  const TapeId a = tape.op("a", 128, {});
  const TapeId b = tape.op("b", 128, {a});
  const TapeId c = tape.op("c", 256, {b});  // a's gap is too small for c
  tape.op("d", 128, {b, c});
  CHECK(replay_live_bytes(tape).peak_bytes == 512);
  CHECK(replay_ggml(tape, 128).peak_bytes == 512);
  Tape holes;
  const TapeId x = holes.op("x", 128, {});
  const TapeId y = holes.op("y", 128, {});
  const TapeId z = holes.op("z", 128, {x});
  holes.op("w", 256, {y, z});
  CHECK(replay_live_bytes(holes).peak_bytes == 512);
  CHECK(replay_ggml(holes, 128).peak_bytes == 640);  // x's gap stays unused
}

TEST_CASE("PyTorch's caching allocator counts segments") {
  Tape small;
  small.op("a", 1000, {});
  CHECK(replay_torch_caching(small).peak_bytes == 2 * kMiB);  // small requests share 2 MiB segments
  Tape middle;
  middle.op("a", 3 * kMiB, {});
  CHECK(replay_torch_caching(middle).peak_bytes == 20 * kMiB);  // up to 10 MiB: a 20 MiB segment
  Tape large;
  const TapeId a = large.op("a", 33 * kMiB, {});
  large.op("b", 3 * kMiB, {a});
  CHECK(replay_torch_caching(large).peak_bytes == 34 * kMiB + 20 * kMiB);  // 2 MiB steps above
}

TEST_CASE("PyTorch's caching allocator reuses what was freed and never gives it back") {
  Tape tape;
  const TapeId a = tape.op("a", 40 * kMiB, {});
  const TapeId b = tape.op("b", 40 * kMiB, {a});
  const TapeId c = tape.op("c", 40 * kMiB, {b});  // takes a's segment
  tape.op("d", 15 * kMiB, {c});                   // takes part of b's
  CHECK(replay_torch_caching(tape).peak_bytes == 80 * kMiB);
}
