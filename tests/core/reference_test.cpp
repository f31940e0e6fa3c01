// Formulas of others, as stated by them.
#include "vram/reference.hpp"

#include "catch.hpp"

using namespace vram;

TEST_CASE("sd15-analytic gives what its stated constants give") {
  const auto predicted = [](std::int64_t side, bool optimization) {
    return sd15_analytic({side, side, 77, optimization})->predicted_vram_gb;
  };
  CHECK(predicted(512, true) == Approx(2.53));
  CHECK(predicted(512, false) == Approx(2.55));
  CHECK(predicted(768, true) == Approx(2.62));
  CHECK(predicted(2048, false) == Approx(3.98));
  const auto sample = sd15_analytic({});
  CHECK(sample->fixed_cost_gb == Approx(2.45));
  CHECK(sample->spatial_cost_gb == Approx(0.08));
  CHECK(sample->attention_mode == "Optimized (Linear Scaling)");
}

TEST_CASE("sd15-analytic refuses sides that are no multiple of 8") {
  REQUIRE_FALSE(sd15_analytic({513, 512}).ok());
  CHECK(sd15_analytic({513, 512}).error().path == "/height");
  CHECK(sd15_analytic({512, 100}).error().path == "/width");
}

TEST_CASE("llm-activation-34/10 for Llama-3.1-70B") {
  ActivationRequest request;
  request.parameters = 70.55e9;
  request.hidden_size = 8192;
  request.num_layers = 80;
  request.num_key_value_heads = 8;
  request.head_dim = 128;
  const ActivationEstimate flash = llm_activation(request);
  CHECK(flash.parameters_gb == Approx(141.10));
  CHECK(flash.activations_gb == Approx(26.84).margin(0.005));
  CHECK(flash.kv_cache_gb == Approx(0.671).margin(0.0005));
  CHECK(flash.total_gb == Approx(141.10 + 26.8435 + 0.6711).margin(0.001));
  request.flash_attention = false;
  CHECK(llm_activation(request).activations_gb == Approx(flash.activations_gb * 3.4));
}

TEST_CASE("imageworks multiplies the overhead too") {
  ImageWorksRequest request;
  request.parameters_billion = 8;
  request.bytes_per_parameter = 1;
  request.num_layers = 36;
  request.num_key_value_heads = 8;
  request.head_dim = 128;
  request.kv_bytes_per_element = 1;
  request.context_tokens = 8 * 1024;
  request.overhead_gib = 1.6;
  request.vision_tower_gib = 0.5;
  request.fragmentation_factor = 1.12;
  const ImageWorksEstimate result = imageworks(request);
  CHECK(result.weights_gib == Approx(7.45058));
  CHECK(result.kv_cache_gib == Approx(0.5625));
  CHECK(result.total_gib == Approx((7.45058 + 0.5625 + 1.6 + 0.5) * 1.12));
}
