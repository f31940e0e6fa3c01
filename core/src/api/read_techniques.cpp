// "techniques" and "level": how the pipeline is made to fit, under diffusers' own names.
#include "api/diffusion_request.hpp"
#include "vram/diffusion_solve.hpp"

namespace vram {

using namespace diffusion;

namespace {

void read_group_offload(const ObjectReader& parent, Techniques& t) {
  const Json* json = parent.find("group_offload");
  if (json == nullptr || *json == false) return;
  const ObjectReader reader(*json, parent.path_of("group_offload"));
  reader.only({"offload_type", "num_blocks_per_group", "use_stream", "record_stream", "non_blocking",
               "low_cpu_mem_usage", "offload_to_disk"});
  const bool leaf = reader.choice_or("offload_type", {"block_level", "leaf_level"}, 0) == 1;
  t.offload = leaf ? Offload::group_leaf : Offload::group_block;
  t.use_stream = reader.boolean_or("use_stream", false);
  t.record_stream = reader.boolean_or("record_stream", false);
  t.non_blocking = reader.boolean_or("non_blocking", false);
  t.low_cpu_mem_usage = reader.boolean_or("low_cpu_mem_usage", false);
  t.offload_to_disk = reader.boolean_or("offload_to_disk", false);
  t.blocks_per_group = reader.integer_or("num_blocks_per_group", 1, 1024, 1);
  if (leaf && reader.has("num_blocks_per_group"))
    refuse(reader.path_of("num_blocks_per_group"), "num_blocks_per_group belongs to offload_type block_level",
           shown(*reader.find("num_blocks_per_group")), "leave it out, or offload_type \"block_level\"");
  if (t.use_stream && t.blocks_per_group > 1)
    refuse(reader.path_of("num_blocks_per_group"), "with use_stream a group is one block",
           shown(*reader.find("num_blocks_per_group")), "1");
  if (t.record_stream && !t.use_stream)
    refuse(reader.path_of("record_stream"), "record_stream needs use_stream", "true", "use_stream: true");
  if (t.low_cpu_mem_usage && !t.use_stream)
    refuse(reader.path_of("low_cpu_mem_usage"), "only streams pin memory: low_cpu_mem_usage needs use_stream", "true",
           "use_stream: true");
}

}  // namespace

void read_techniques(const ObjectReader& request, DiffusionRequest& result) {
  PipelineRequest& p = result.pipeline;
  Techniques& t = p.techniques;
  if (const Json* level = request.find("level")) {
    constexpr const char* kExpected = "\"none\", \"balanced\", \"aggressive\", \"ultra\", \"ultra_cpu\" or \"auto\"";
    if (!level->is_string()) refuse("/level", "level must be a text", shown(*level), kExpected);
    result.level = level->get<std::string>();
    if (result.level == "auto") {
      if (!p.has_gpu) refuse("/level", "level auto is chosen by the size of the GPU", "\"auto\"", "a gpu, or a level");
      result.level = level_for(p.machine.gpu.memory_bytes);
    }
    bool known = false;
    for (const Level& row : levels()) known = known || row.id == result.level;
    if (!known) refuse("/level", "no level has this name", shown(*level), kExpected);
    apply_level(p, result.level);
  }
  const Json* json = request.find("techniques");
  if (json == nullptr) return;
  const ObjectReader reader(*json, "/techniques");
  reader.only({"model_cpu_offload", "sequential_cpu_offload", "group_offload", "vae_tiling", "vae_slicing",
               "attention_slicing", "forward_chunking", "layerwise_casting", "torch_compile", "fuse_qkv",
               "channels_last", "text_encoders_on_cpu"});
  const bool model = reader.boolean_or("model_cpu_offload", false);
  const bool sequential = reader.boolean_or("sequential_cpu_offload", false);
  const Json* group = reader.find("group_offload");
  const bool grouped = group != nullptr && *group != false;
  if (model + sequential + grouped > 1) {
    refuse("/techniques", "a pipeline is offloaded in one way only", shown(*json),
           "one of model_cpu_offload, sequential_cpu_offload, group_offload");
  }
  if (model) t.offload = Offload::model;
  if (sequential) t.offload = Offload::sequential;
  if (model || sequential) t.use_stream = false;
  read_group_offload(reader, t);
  t.vae_tiling = reader.boolean_or("vae_tiling", t.vae_tiling);
  t.vae_slicing = reader.boolean_or("vae_slicing", t.vae_slicing);
  t.layerwise_casting = reader.boolean_or("layerwise_casting", t.layerwise_casting);
  t.compile = reader.boolean_or("torch_compile", t.compile);
  t.fuse_qkv = reader.boolean_or("fuse_qkv", t.fuse_qkv);
  t.channels_last = reader.boolean_or("channels_last", t.channels_last);
  p.text_on_cpu = reader.boolean_or("text_encoders_on_cpu", p.text_on_cpu);
  if (const Json* slicing = reader.find("attention_slicing")) {
    if (slicing->is_boolean()) {
      t.attention_slicing = slicing->get<bool>();
    } else {
      t.attention_slices = reader.integer_or("attention_slicing", 1, 1 << 20, 1);
      t.attention_slicing = true;
    }
  }
  if (const Json* chunks = reader.find("forward_chunking")) {
    t.forward_chunks =
        chunks->is_boolean() ? (chunks->get<bool>() ? 2 : 1) : reader.integer_or("forward_chunking", 1, 1024, 1);
  }
  if (t.compile && t.offload == Offload::sequential)
    refuse("/techniques/torch_compile", "a compiled model cannot be offloaded layer by layer", "true",
           "torch_compile or sequential_cpu_offload, not both");
  if (p.attention == AttentionKernel::flash && t.attention_slicing)
    refuse("/techniques/attention_slicing", "sliced attention takes the place of the flash kernel", "true",
           "attention \"eager\" or \"sdpa\" with attention_slicing, or no slicing");
}

}  // namespace vram
