// "GPU vRAM Usage Estimation for Diffusion Models": M_peak = C_W + C_O + C_L x L + N_latent x K_ITER x K_ATTN + buffer.
// Its stated constants do not give the results its own test cases expect (4.0, 4.7, 7.5, 27 GB): they give 2.53,
// 2.55, 2.62 and 3.98. We reproduce the formula, not the expectations.
#include <cmath>
#include <string>

#include "vram/bytes.hpp"
#include "vram/reference.hpp"

namespace vram {
namespace {

constexpr double kWeights = 2'132'400'000;  // bytes
constexpr double kOverhead = 500'000'000;
constexpr double kPerPromptToken = 3'072;
constexpr double kPerLatentPixel = 20'000;
constexpr double kStandardAttention = 1.25;
constexpr double kLatentBuffer = 4 * 2;  // channels x FP16, bytes per latent pixel

double in_gb(double bytes) { return std::round(bytes / static_cast<double>(kGiB) * 100) / 100; }

Error bad_side(const char* path, std::int64_t side) {
  return {path, "a side must be a multiple of 8", std::to_string(side), "a multiple of 8, such as 512, 768 or 1024"};
}

}  // namespace

Result<Sd15Estimate> sd15_analytic(const Sd15Request& request) {
  if (request.height % 8 != 0) return bad_side("/height", request.height);
  if (request.width % 8 != 0) return bad_side("/width", request.width);
  const double pixels = static_cast<double>(request.height / 8) * static_cast<double>(request.width / 8);
  const double fixed = kWeights + kOverhead + kPerPromptToken * static_cast<double>(request.prompt_length);
  const double spatial =
      pixels * kPerLatentPixel * (request.optimization ? 1.0 : kStandardAttention) + pixels * kLatentBuffer;
  return Sd15Estimate{in_gb(fixed + spatial), request.optimization ? "Optimized (Linear Scaling)" : "Standard",
                      in_gb(fixed), in_gb(spatial)};
}

}  // namespace vram
