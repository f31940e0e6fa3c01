#include "set_up.hpp"

#include <CLI/CLI.hpp>

#include "terminal.hpp"

namespace vram::cli {

using Type = Field::Type;

const std::vector<Field>& manual_fields() {
  static const std::vector<Field> fields = {
      {"--params-billion", "parameters_billion", Type::number, "", "Parameters in billions (10^9)"},
      {"--layers", "num_hidden_layers", Type::number, "", "Layers"},
      {"--kv-heads", "num_key_value_heads", Type::number, "", "Key and value heads of a layer"},
      {"--head-dim", "head_dim", Type::number, "", "Size of one head"},
      {"--heads", "num_attention_heads", Type::number, "", "Attention heads (optional: sharpens the compute buffers)"},
      {"--hidden-size", "hidden_size", Type::number, "", "Hidden size (optional, likewise)"},
      {"--intermediate-size", "intermediate_size", Type::number, "", "Feed-forward size (optional, likewise)"},
      {"--vocab-size", "vocab_size", Type::number, "", "Vocabulary (optional, likewise)"},
      {"--vision-tower-gib", "vision_tower_gib", Type::number, "", "Extra weights of a vision tower, GiB"},
      {"--fragmentation", "fragmentation_factor", Type::number, "", "Allocator fragmentation, a factor of 1 or more"},
  };
  return fields;
}

const std::vector<Field>& engine_fields() {
  static const std::vector<Field> fields = {
      {"--n-gpu-layers,--gpu-layers", "n_gpu_layers", Type::number, "llama.cpp",
       "Layers on the GPU, also -ngl (default: all)"},
      {"--n-cpu-moe", "n_cpu_moe", Type::number, "llama.cpp", "Experts of the first N layers stay in RAM, also -ncmoe"},
      {"--n-ubatch,--ubatch-size", "n_ubatch", Type::number, "llama.cpp",
       "Tokens computed at once, also -ub (default 512)"},
      {"--n-batch", "n_batch", Type::number, "llama.cpp", "Tokens submitted at once (default 2048)"},
      {"--flash-attn,!--no-flash-attn", "flash_attn", Type::boolean, "llama.cpp",
       "FlashAttention, also -fa (default: on)"},
      {"--split-mode", "split_mode", Type::text, "llama.cpp", "layer, or none: all on --main-gpu"},
      {"--main-gpu", "main_gpu", Type::number, "llama.cpp", "The GPU of --split-mode none, also -mg"},
      {"--n-seq-max,--parallel", "n_seq_max", Type::number, "llama.cpp", "Slots of the server, also -np"},
      {"--kv-offload,!--no-kv-offload", "offload_kqv", Type::boolean, "llama.cpp", "KV cache on the GPU"},
      {"--mmproj,!--no-mmproj", "mmproj", Type::boolean, "llama.cpp", "The vision encoder's file is loaded"},
      {"--swa-full", "swa_full", Type::boolean, "llama.cpp", "Full-size cache for sliding-window layers"},
      {"--kv-unified,!--no-kv-unified", "kv_unified", Type::boolean, "llama.cpp", "One cache shared by all sequences"},
      {"--tensor-parallel-size", "tensor_parallel_size", Type::number, "vllm", "GPUs that share each layer, also -tp"},
      {"--pipeline-parallel-size", "pipeline_parallel_size", Type::number, "vllm", "Groups of layers, also -pp"},
      {"--gpu-memory-utilization", "gpu_memory_utilization", Type::number, "vllm",
       "Share of the GPU the server may take (default 0.9)"},
      {"--max-model-len", "max_model_len", Type::tokens, "vllm", "Longest sequence (default: the context)"},
      {"--max-num-seqs", "max_num_seqs", Type::number, "vllm", "Most sequences in one step"},
      {"--max-num-batched-tokens", "max_num_batched_tokens", Type::tokens, "vllm", "Most tokens in one step"},
      {"--enforce-eager", "enforce_eager", Type::boolean, "vllm", "No CUDA graphs"},
      {"--data-parallel-size", "data_parallel_size", Type::number, "vllm",
       "Replicas, which share the experts, also -dp"},
      {"--enable-expert-parallel", "enable_expert_parallel", Type::boolean, "vllm",
       "Whole experts on each GPU instead of slices of all"},
      {"--enable-lora", "enable_lora", Type::boolean, "vllm", "Room for adapters"},
      {"--max-loras", "max_loras", Type::number, "vllm", "Adapters in one batch (default 1)"},
      {"--max-lora-rank", "max_lora_rank", Type::number, "vllm", "Largest rank of an adapter (default 16)"},
      {"--cpu-offload-gb", "cpu_offload_gb", Type::number, "vllm", "GiB of each GPU's weights that stay in RAM"},
      {"--vllm-version", "version", Type::text, "vllm",
       "The release whose rules are taken, e.g. 0.8.5 (default 0.11.0)"},
      {"--mem-fraction-static", "mem_fraction_static", Type::number, "sglang", "Share for weights and cache"},
      {"--chunked-prefill-size", "chunked_prefill_size", Type::number, "sglang", "Tokens of prompts at once"},
      {"--free-gpu-memory-fraction", "free_gpu_memory_fraction", Type::number, "tensorrt-llm",
       "Share of what weights leave that becomes cache (default 0.9)"},
      {"--attn-implementation", "attn_implementation", Type::text, "transformers", "eager, sdpa or flash_attention_2"},
      {"--cache-implementation", "cache_implementation", Type::text, "transformers",
       "dynamic, static, offloaded, offloaded_static or quantized"},
      {"--num-beams", "num_beams", Type::number, "transformers", "Beams of beam search"},
      {"--max-new-tokens", "max_new_tokens", Type::tokens, "transformers",
       "Tokens of the context that are generated (default: all of it may be prompt)"},
      {"--device-map", "device_map", Type::text, "transformers", "auto, balanced, balanced_low_0 or sequential"},
      {"--max-memory-gib", "max_memory_gib", Type::number, "transformers", "Weights on each GPU, at most"},
      {"--cpu-memory-gib", "cpu_memory_gib", Type::number, "transformers",
       "RAM for weights that no GPU has room for (default: none is offloaded)"},
  };
  return fields;
}

std::string first_flag(const Field& field) {
  const std::string_view flags = field.flags;
  return std::string(flags.substr(0, flags.find(',')));
}

std::string long_spelling(std::string_view argument) {
  static const std::map<std::string_view, std::string_view> spellings = {
      {"-ngl", "--n-gpu-layers"},
      {"-mg", "--main-gpu"},
      {"-np", "--parallel"},
      {"-ncmoe", "--n-cpu-moe"},
      {"-ub", "--n-ubatch"},
      {"-fa", "--flash-attn"},
      {"-tp", "--tensor-parallel-size"},
      {"-pp", "--pipeline-parallel-size"},
      {"-dp", "--data-parallel-size"},
  };
  const std::size_t equals = argument.find('=');
  const auto found = spellings.find(argument.substr(0, equals));
  if (found == spellings.end()) return std::string(argument);
  return std::string(found->second) + (equals == argument.npos ? "" : std::string(argument.substr(equals)));
}

namespace {

void declare_field(CLI::App& command, const Field& field, std::string& text, const std::string& group) {
  CLI::Option* option = field.type == Type::boolean ? command.add_flag(field.flags, text, field.help)
                                                    : command.add_option(field.flags, text, field.help);
  option->group(group);
  if (field.type == Type::number) option->type_name("N");
  if (field.type == Type::tokens) option->type_name("TOKENS");
}

const CLI::Validator not_empty(
    [](std::string& text) { return text.empty() ? std::string("an empty value") : std::string(); }, "");

}  // namespace

void declare_set_up(CLI::App& command, SetUp& s, bool asks_context, bool asks_sequences) {
  s.bars = stdout_is_terminal();
  const std::string model = "Model (one of --model, --config, --params-billion)";
  command
      .add_option(
          "--model", s.model,
          "A model of the catalogue, see `vram-estimator models`; or a GGUF or safetensors file, or a folder/ of them")
      ->group(model)
      ->type_name("ID");
  command
      .add_option("--config", s.config, "A Hugging Face config.json, a folder that holds one, or - for standard input")
      ->group(model)
      ->type_name("FILE");
  for (const Field& field : manual_fields()) declare_field(command, field, s.manual[field.key], model);

  const std::string precision = "Precision";
  command
      .add_option("--weights,--quant", s.weights,
                  "Weights format, see `vram-estimator formats`; options after a colon: gptq:bits=4,group_size=128 "
                  "(default: the checkpoint's own)")
      ->group(precision)
      ->type_name("FORMAT");
  command.add_option("--kv-dtype", s.kv_cache, "Type of the KV cache, or K:V for two types (default: the engine's)")
      ->group(precision)
      ->type_name("TYPE");

  const std::string load = "Load";
  if (asks_context) {
    command
        .add_option("--context", s.context,
                    "Tokens per sequence; 8k means 8 x 1024 (default: 8192, or what the model allows if less)")
        ->group(load)
        ->type_name("TOKENS");
    command.add_option("--context-k", s.context_k, "The same in units of 1024 tokens: 8 means 8192")
        ->group(load)
        ->type_name("K");
  }
  if (asks_sequences) {
    command.add_option("--sequences,--batch", s.sequences, "Sequences at the same time (default 1)")
        ->group(load)
        ->type_name("N");
  }

  const std::string machine = "Machine";
  command
      .add_option("--gpu", s.gpu,
                  "A GPU of the catalogue, see `vram-estimator gpus`; auto: the one in this machine (default); none")
      ->group(machine)
      ->type_name("ID");
  command.add_option("--gpus", s.gpu_count, "How many of them")->group(machine)->type_name("N");
  command.add_option("--total-vram-gib", s.memory_gib, "Memory of one GPU in GiB, instead of --gpu")
      ->group(machine)
      ->type_name("GIB");
  command
      .add_option("--profile", s.profile,
                  "Overhead profile, see `vram-estimator profiles` (default: chosen by the GPU)")
      ->group(machine)
      ->type_name("ID");
  command
      .add_option("--profiles", s.profiles_file,
                  "Your own profiles: a JSON array of rows as `vram-estimator profiles --json` prints them")
      ->group(machine)
      ->type_name("FILE");

  const std::string engine = "Engine";
  command
      .add_option(
          "--engine", s.engine,
          "ideal, llama.cpp, vllm, sglang, tensorrt-llm, transformers, mlx, exllamav2 or exllamav3 (default: the one "
          "whose options are used; vllm for fp8, awq, gptq and nvfp4; transformers for bnb; mlx for mlx; exllamav2 "
          "and exllamav3 for exl2 and exl3; else llama.cpp)")
      ->group(engine)
      ->type_name("NAME");
  for (const Field& field : engine_fields()) {
    declare_field(command, field, s.engine_options[field.key], engine + ": " + field.engine);
  }
  command.add_option("--set", s.set, "Any other option of the engine, by its own name (repeatable)")
      ->group(engine)
      ->type_name("NAME=VALUE")
      ->take_all();

  const std::string output = "Output";
  command.add_flag("--json", s.json, "Print the response as JSON, nothing else")->group(output);
  command
      .add_option("--also", s.also,
                  "Further answers: max_context, max_batch, advice, references (the text output picks its own)")
      ->group(output)
      ->delimiter(',')
      ->type_name("LIST")
      ->take_all();
  command.add_flag("--request", s.show_request, "Print the JSON request and stop; `vram-estimator batch` takes it")
      ->group(output);
  command.add_flag("--explain", s.explain, "Formula, numbers and source of every entry")->group(output);
  command.add_flag("--bars,!--no-bars", s.bars, "Bars beside the sizes (default: on a terminal)")->group(output);
  command.add_flag("--gb,!--gib", s.decimal, "Sizes in GB (10^9 bytes) instead of GiB (2^30)")->group(output);

  // An unset shell variable must not read as a flag that was not given.
  for (CLI::Option* option : command.get_options()) {
    if (option->get_items_expected_min() > 0) option->check(not_empty);
  }
}

}  // namespace vram::cli
