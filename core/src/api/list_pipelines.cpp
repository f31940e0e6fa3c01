// The lists of "catalogue" that are about images and video.
#include "api/diffusion_request.hpp"
#include "api/scope.hpp"
#include "vram/catalogue.hpp"

namespace vram {

void write_pipelines(JsonWriter& out) {
  out.key("pipelines").begin_array();
  for (const CatalogueRow& row : pipeline_rows()) {
    const Json json = parse_own(row.json);
    const diffusion::Pipeline p = read_pipeline_row(json, "/pipelines/" + std::string(row.id));
    out.begin_object()
        .field("id", row.id)
        .field("name", std::string_view(p.name))
        .field("task", std::string_view(p.task));
    out.field("height", p.height).field("width", p.width).field("frames", p.frames);
    out.field("guidance", name_of(p.guidance)).field("text_tokens", p.text_tokens).field("multiple", p.multiple);
    out.field("frame_step", p.frame_step).field("input_images", p.input_images).key("components").begin_array();
    for (const diffusion::Component& c : p.components) {
      out.begin_object().field("role", std::string_view(c.role)).field("class", std::string_view(c.class_name));
      out.field("dtype", name_of(c.dtype)).end_object();
    }
    out.end_array().field("source", std::string_view(p.source)).end_object();
  }
  out.end_array();
}

void write_quantizations(JsonWriter& out) {
  out.key("quantizations").begin_array();
  for (const diffusion::Quantization& q : diffusion::quantizations()) {
    out.begin_object().field("id", q.id).field("name", q.name).field("bytes_per_weight", q.bytes_per_weight);
    out.field("source", q.source).end_object();
  }
  out.end_array();
}

}  // namespace vram
