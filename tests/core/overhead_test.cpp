#include "vram/catalogue.hpp"
#include "vram/hardware.hpp"

#include "catch.hpp"

using namespace vram;

TEST_CASE("A rule asks for what it names and nothing else") {
  Machine machine;
  machine.gpu.vendor = "nvidia";
  machine.gpu.form_factor = "datacenter";
  machine.gpu.memory_bytes = 79 * kGiB;
  CHECK(applies({}, machine));
  ProfileRule rule;
  rule.vendor = {"nvidia"};
  rule.form_factor = {"datacenter"};
  rule.memory_gib_min = 64;
  CHECK(applies(rule, machine));
  machine.gpu.memory_bytes = 40 * kGiB;
  CHECK_FALSE(applies(rule, machine));
  machine.gpu.memory_bytes_nominal = 80 * kGB;  // what the box says decides
  CHECK(applies(rule, machine));
  machine.gpu.vendor = "amd";
  CHECK_FALSE(applies(rule, machine));
  rule = {};
  rule.count_min = 2;
  CHECK_FALSE(applies(rule, machine));
  machine.count = 2;
  CHECK(applies(rule, machine));
  rule.automatic = false;
  CHECK_FALSE(applies(rule, machine));
}

TEST_CASE("The last profile is the one that applies to every machine") {
  REQUIRE_FALSE(profile_rows().empty());
  CHECK(profile_rows().back().id == "headless_linux");
}
