// "diffusion": the ledger of a pipeline, stage by stage, and what would make it fit.
#include "api/diffusion_request.hpp"
#include "api/ops.hpp"
#include "api/write_parts.hpp"
#include "vram/catalogue.hpp"
#include "vram/diffusion_solve.hpp"
#include "vram/reference.hpp"

namespace vram {

using namespace diffusion;

namespace {

void write_components(JsonWriter& out, const PipelineRequest& p, const DiffusionEstimate& e) {
  out.key("pipeline").begin_object();
  out.field("id", std::string_view(p.pipeline.id)).field("name", std::string_view(p.pipeline.name));
  out.field("task", std::string_view(p.pipeline.task)).key("components").begin_array();
  for (std::size_t i = 0; i < e.components.size(); ++i) {
    const ComponentFacts& c = e.components[i];
    out.begin_object().field("role", c.role).field("class", c.class_name).field("parameters", c.parameters);
    out.field("counted_from", c.counted ? "config" : "published").field("dtype", c.dtype).key("quantization");
    if (c.quantization.empty()) {
      out.null();
    } else {
      out.value(c.quantization);
    }
    out.field("bytes", c.bytes).field("source", std::string_view(p.pipeline.components[i].source)).end_object();
  }
  out.end_array().end_object();
}

void write_size(JsonWriter& out, const PipelineRequest& p, const DiffusionEstimate& e) {
  out.field("height", p.height).field("width", p.width).field("frames", p.frames).field("batch", p.batch);
  out.key("latents").begin_object().field("channels", e.latents.channels).field("frames", e.latents.frames);
  out.field("height", e.latents.height).field("width", e.latents.width).field("tokens", e.latents.tokens).end_object();
  out.field("text_tokens", p.text_tokens).field("input_images", p.input_images);
  out.field("guidance", name_of(p.guidance)).field("attention", name_of(p.attention));
}

void write_techniques(JsonWriter& out, const DiffusionRequest& request) {
  const Techniques& t = request.pipeline.techniques;
  constexpr std::string_view kOffload[] = {"none", "model", "sequential", "group_block", "group_leaf"};
  out.key("techniques").begin_object();
  out.field("offload", kOffload[static_cast<std::size_t>(t.offload)]).field("use_stream", t.use_stream);
  out.field("vae_tiling", t.vae_tiling).field("vae_slicing", t.vae_slicing);
  out.field("attention_slicing", t.attention_slicing).field("forward_chunking", t.forward_chunks);
  out.field("layerwise_casting", t.layerwise_casting).field("torch_compile", t.compile).field("fuse_qkv", t.fuse_qkv);
  out.field("channels_last", t.channels_last);
  out.field("text_encoders_on_cpu", request.pipeline.text_on_cpu).end_object().key("level");
  if (request.level.empty()) {
    out.null();
  } else {
    out.value(std::string_view(request.level));
  }
}

void write_steps(JsonWriter& out, const DiffusionEstimate& e) {
  out.key("stages").begin_array();
  for (const Step& s : e.steps) {
    out.begin_object().field("stage", name_of(s.stage)).field("component", s.component).field("what", s.what);
    write_interval(out, "activations", s.activations);
    out.field("fullest_at", s.fullest);
    write_interval(out, "allocated", s.allocated);
    write_interval(out, "reserved", s.reserved);
    write_interval(out, "nvidia_smi", s.shown);
    write_interval(out, "host", s.host);
    out.field("disk_bytes", s.disk).end_object();
  }
  out.end_array().key("memory").begin_object();
  write_interval(out, "allocated", e.allocated);
  write_interval(out, "reserved", e.reserved);
  write_interval(out, "nvidia_smi", e.shown);
  out.end_object();
}

void write_slower(JsonWriter& out, double low, double high) {
  out.key("slower").begin_object().field("low", low).field("high", high).end_object();
}

void write_blocked(JsonWriter& out, const Blocked& blocked) {
  out.begin_object().field("stage", name_of(blocked.stage)).field("kind", name_of(blocked.kind));
  out.field("label", std::string_view(blocked.label)).end_object();
}

void write_reach(JsonWriter& out, std::string_view key, const Reach& r) {
  out.key(key).begin_object().field("value", r.value);
  if (r.height > 0) out.field("height", r.height).field("width", r.width);
  out.field("bounded_by", r.bounded_by_limit ? "limit" : "memory").field("limit", r.limit).key("blocked_by");
  if (r.bounded_by_limit) {
    out.null();
  } else {
    write_blocked(out, r.blocked_by);
  }
  out.end_object();
}

std::vector<Gpu> popular_gpus(const CallerRows& rows) {
  std::vector<Gpu> result;
  if (rows.gpus != nullptr) {
    for (std::size_t i = 0; i < rows.gpus->size(); ++i)
      result.push_back(read_gpu_row((*rows.gpus)[i], path_at("/rows/gpus", i)));
  }
  for (const CatalogueRow& row : gpu_rows()) {
    Gpu gpu = read_gpu_row(parse_own(row.json), "/gpu");
    if (gpu.popular) result.push_back(std::move(gpu));
  }
  return result;
}

void write_searches(JsonWriter& out, const DiffusionRequest& request, EstimateMemo& memo) {
  const PipelineRequest& p = request.pipeline;
  const DiffusionAlso& also = request.also;
  const auto answer = [&](bool wanted, std::string_view key, auto write) {
    if (!wanted) return;
    if (p.has_gpu) {
      write();
    } else {
      out.key(key).null();
    }
  };
  answer(also.max_resolution, "max_resolution", [&] {
    out.key("max_resolution").begin_object();
    write_reach(out, "square", max_square(p, memo));
    write_reach(out, "at_aspect_ratio", max_at_aspect(p, request.across, request.down, memo));
    out.end_object();
  });
  answer(also.max_frames, "max_frames", [&] {
    if (p.pipeline.task.find("vid") == std::string::npos) {
      out.key("max_frames").null();
    } else {
      write_reach(out, "max_frames", max_frames(p, memo));
    }
  });
  answer(also.max_batch, "max_batch", [&] { write_reach(out, "max_batch", max_images(p, memo)); });
  answer(also.max_loras, "max_loras", [&] { write_reach(out, "max_loras", max_loras(p, memo)); });
  if (also.savings) {
    out.key("savings").begin_array();
    for (const Effect& e : effects(p, memo)) {
      out.begin_object().field("technique", e.measure->id).field("name", e.measure->name).field("active", e.active);
      out.field("saves_bytes", e.saves);
      write_slower(out, e.measure->slower_low, e.measure->slower_high);
      out.field("timed", e.measure->timed);
      write_interval(out, "nvidia_smi", e.shown);
      out.key("fits");
      if (p.has_gpu) {
        out.value(e.fits);
      } else {
        out.null();
      }
      out.field("source", e.measure->source).end_object();
    }
    out.end_array();
  }
  if (also.levels) {
    out.key("levels").begin_array();
    for (const LevelOutcome& l : level_outcomes(p, memo)) {
      out.begin_object().field("level", l.level->id).field("name", l.level->name);
      write_slower(out, l.slower_low, l.slower_high);
      write_interval(out, "allocated", l.allocated);
      write_interval(out, "nvidia_smi", l.shown);
      out.field("host_bytes", l.host).key("fits");
      if (p.has_gpu) {
        out.value(l.fits).field("chosen", l.level->id == level_for(p.machine.gpu.memory_bytes));
      } else {
        out.null().key("chosen").null();
      }
      out.field("source", l.level->source).end_object();
    }
    out.end_array();
  }
  answer(also.weakest, "weakest", [&] {
    const Weakest w = weakest(p, memo);
    out.key("weakest").begin_object().field("fits", w.found).key("techniques").begin_array();
    for (const Measure* m : w.measures) out.value(m->id);
    out.end_array();
    write_slower(out, w.slower_low, w.slower_high);
    write_interval(out, "nvidia_smi", w.shown);
    out.key("blocked_by");
    if (w.found) {
      out.null();
    } else {
      write_blocked(out, w.blocked_by);
    }
    out.end_object();
  });
  if (also.smallest_gpu) {
    out.key("smallest_gpu");
    const SmallestGpu s = smallest_gpu(
        p, popular_gpus(request.rows), [&](const Machine& m) -> const OverheadProfile& { return request.profiles(m); },
        memo);
    if (s.found) {
      out.begin_object().field("id", std::string_view(s.gpu.id)).field("name", std::string_view(s.gpu.name));
      out.field("memory_bytes", s.gpu.memory_bytes).field("headroom_bytes", s.headroom).end_object();
    } else {
      out.null();
    }
  }
  answer(also.vram_limit, "vram_limit", [&] {
    out.key("vram_limit");
    const double limit = p.engine.engine == DiffusionEngine::diffsynth && p.engine.managed ? vram_limit(p, memo) : -1;
    if (limit < 0) {
      out.null();
    } else {
      out.value(limit);
    }
  });
}

void write_references(JsonWriter& out, const PipelineRequest& p) {
  out.key("references").begin_array();
  if (p.pipeline.id == "sd-1.5") {
    const Result<Sd15Estimate> r =
        sd15_analytic({p.height, p.width, p.text_tokens, p.attention != AttentionKernel::eager});
    if (r.ok()) {
      out.begin_object().field("name", "sd15-analytic").field("predicted_vram_gb", r->predicted_vram_gb);
      out.field("fixed_cost_gb", r->fixed_cost_gb).field("spatial_cost_gb", r->spatial_cost_gb);
      out.field("note", "An analytic formula as its author states it; GB here are 2^30 bytes. It leaves out decoding.");
      out.end_object();
    }
  }
  out.end_array();
}

}  // namespace

std::string answer_diffusion(const Json& json) {
  DiffusionRequest request;
  read_diffusion(json, request);
  const PipelineRequest& p = request.pipeline;
  EstimateMemo memo;
  const Result<DiffusionEstimate> result = estimate(p, memo);
  if (!result.ok()) throw BadInput{result.error()};
  JsonWriter out(32 * 1024);
  out.begin_object().field("ok", true).field("op", "diffusion");
  write_components(out, p, *result);
  write_size(out, p, *result);
  write_techniques(out, request);
  out.key("engine").begin_object().field("name", name_of(p.engine.engine));
  out.field("checked_against", checked_against(p.engine.engine)).end_object();
  write_gpu(out, p.has_gpu, p.machine);
  out.key("profile").begin_object().field("id", std::string_view(p.profile.id));
  out.field("name", std::string_view(p.profile.name)).end_object();
  write_steps(out, *result);
  write_ledger(out, result->ledger);
  write_fit(out, p.has_gpu, p.machine, result->ledger);
  write_searches(out, request, memo);
  if (request.also.references) write_references(out, p);
  out.key("warnings").begin_array();
  for (const std::string& message : result->warnings)
    out.begin_object()
        .field("path", "/pipeline")
        .field("message", std::string_view(Json(message).get_ref<const std::string&>()))
        .end_object();
  out.end_array().end_object();
  return out.take();
}

}  // namespace vram
