// vram-estimator estimate: what a set-up takes, and whether it fits.
#include <CLI/CLI.hpp>
#include <memory>

#include "commands.hpp"
#include "run_set_up.hpp"
#include "set_up.hpp"

namespace vram::cli {

void add_estimate(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("estimate", "What a model takes, entry by entry, and whether it fits");
  const auto set_up = std::make_shared<SetUp>();
  declare_set_up(*command, *set_up, true, true);
  command->footer(R"(Examples:
  vram-estimator estimate --model llama-3.1-8b --weights q4_k_m --context 32k --gpu rtx-4090
  vram-estimator estimate --config config.json --engine vllm --tensor-parallel-size 2 --gpu h100-sxm --gpus 2
  vram-estimator estimate --model qwen3-30b-a3b --weights q4_k_m --n-cpu-moe 20 --kv-dtype q8_0:q4_0 --gpu rtx-3060-12gb
  vram-estimator estimate --params-billion 8 --quant fp8 --layers 36 --kv-heads 8 --head-dim 128 \
      --kv-dtype fp8 --context-k 8 --batch 1 --profile ada_16gb

--context-k counts in units of 1024 tokens: --context-k 8 is 8192 tokens.
Exit code: 0 it fits (or no GPU is known), 1 it does not, 2 the request is wrong.)");
  command->callback([set_up, &exit_code] {
    const bool by_numbers = !set_up->manual.at("parameters_billion").empty();
    std::vector<std::string> also = {"max_context", "advice"};
    if (by_numbers) also.push_back("references");
    exit_code = run_set_up("estimate", *set_up, also);
  });
}

}  // namespace vram::cli
