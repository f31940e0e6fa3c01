#include "diffusion/registry.hpp"

#include <algorithm>

namespace vram::diffusion {
namespace {

Compression kl(const Settings& s) {
  const auto blocks = static_cast<int>(s.integers("block_out_channels", {128, 256, 512, 512}).size());
  return {Size{1} << std::clamp(blocks - 1, 0, 10), 1, s.integer("latent_channels", 4)};
}

// Two by two latent pixels are packed outside of it.
Compression kl_flux_2(const Settings& s) {
  const Compression c = kl(s);
  return {c.space, 1, s.integer("latent_channels", 32)};
}

Compression hunyuan_image(const Settings& s) {
  return {s.integer("spatial_compression_ratio", 32), 1, s.integer("latent_channels", 64)};
}

Compression paella(const Settings& s) {
  const Size levels = std::clamp<Size>(s.integer("levels", 2), 1, 10);
  return {s.integer("up_down_scale_factor", 2) << (levels - 1), 1, s.integer("latent_channels", 4)};
}

Compression deep_compression(const Settings& s) {
  const auto blocks =
      static_cast<int>(s.integers("encoder_block_out_channels", {128, 256, 512, 512, 1024, 1024}).size());
  return {Size{1} << std::clamp(blocks - 1, 0, 10), 1, s.integer("latent_channels", 32)};
}

Compression cogvideox(const Settings& s) {
  return {kl(s).space, s.number("temporal_compression_ratio", 4) >= 4 ? 4 : 2, s.integer("latent_channels", 16)};
}

Compression hunyuan_video(const Settings& s) {
  return {s.integer("spatial_compression_ratio", 8), s.integer("temporal_compression_ratio", 4),
          s.integer("latent_channels", 16)};
}

Compression wan(const Settings& s) {
  const auto levels = static_cast<int>(s.integers("dim_mult", {1, 2, 4, 4}).size());
  return {(Size{1} << std::clamp(levels - 1, 0, 10)) * std::max<Size>(1, s.integer("patch_size", 1)), 4,
          s.integer("z_dim", 16)};
}

Compression ltx_video(const Settings& s) {
  const auto scaling = s.integers("spatio_temporal_scaling", {1, 1, 1, 0});
  const auto levels = static_cast<int>(std::count_if(scaling.begin(), scaling.end(), [](auto x) { return x != 0; }));
  const Size grown = Size{1} << std::clamp(levels, 0, 10);
  return {std::max<Size>(1, s.integer("spatial_compression_ratio", s.integer("patch_size", 4) * grown)),
          std::max<Size>(1, s.integer("temporal_compression_ratio", s.integer("patch_size_t", 1) * grown)),
          s.integer("latent_channels", 128)};
}

Compression mochi(const Settings& s) {
  const auto all = [](const std::vector<std::int64_t>& factors) {
    Size size = 1;
    for (const std::int64_t f : factors) size *= std::clamp<Size>(f, 1, 64);
    return std::clamp<Size>(size, 1, 4096);
  };
  return {all(s.integers("spatial_expansions", {2, 2, 2})), all(s.integers("temporal_expansions", {1, 2, 3})),
          s.integer("latent_channels", 12)};
}

Compression allegro(const Settings& s) {
  return {kl(s).space, std::max<Size>(1, s.integer("temporal_compression_ratio", 4)), s.integer("latent_channels", 4)};
}

Compression hunyuan_video_1_5(const Settings& s) {
  return {std::max<Size>(1, s.integer("spatial_compression_ratio", 16)),
          std::max<Size>(1, s.integer("temporal_compression_ratio", 4)), s.integer("latent_channels", 32)};
}

constexpr ModelClass denoiser(std::string_view name, void (*run)(Trace&, const Settings&, const DenoiseInput&),
                              Size patch = 2) {
  ModelClass c;
  c.name = name;
  c.part = Part::denoiser;
  c.denoise = run;
  c.patch = patch;
  return c;
}

constexpr ModelClass codec(std::string_view name, void (*decode)(Trace&, const Settings&, const CodecInput&),
                           void (*encode)(Trace&, const Settings&, const CodecInput&),
                           Compression (*compression)(const Settings&)) {
  ModelClass c;
  c.name = name;
  c.part = Part::autoencoder;
  c.decode = decode;
  c.encode = encode;
  c.compression = compression;
  return c;
}

constexpr ModelClass encoder(std::string_view name, void (*run)(Trace&, const Settings&, const TextInput&),
                             Part part = Part::text_encoder) {
  ModelClass c;
  c.name = name;
  c.part = part;
  c.text = run;
  return c;
}

constexpr ModelClass kClasses[] = {
    denoiser("UNet2DConditionModel", trace_unet_2d, 1),
    denoiser("UNetSpatioTemporalConditionModel", trace_unet_spatio_temporal, 1),
    denoiser("FluxTransformer2DModel", trace_flux),
    denoiser("CogVideoXTransformer3DModel", trace_cogvideox),
    denoiser("HunyuanVideoTransformer3DModel", trace_hunyuan_video),
    denoiser("LTXVideoTransformer3DModel", trace_ltx_video, 1),
    denoiser("MochiTransformer3DModel", trace_mochi),
    denoiser("AllegroTransformer3DModel", trace_allegro),
    denoiser("HunyuanVideo15Transformer3DModel", trace_hunyuan_video_1_5, 1),
    denoiser("WanTransformer3DModel", trace_wan),
    denoiser("QwenImageTransformer2DModel", trace_qwen_image),
    denoiser("SD3Transformer2DModel", trace_sd3),
    denoiser("Flux2Transformer2DModel", trace_flux_2),
    denoiser("ZImageTransformer2DModel", trace_z_image),
    denoiser("PixArtTransformer2DModel", trace_pixart),
    denoiser("SanaTransformer2DModel", trace_sana, 1),
    denoiser("AuraFlowTransformer2DModel", trace_auraflow),
    denoiser("ChromaTransformer2DModel", trace_chroma),
    denoiser("Lumina2Transformer2DModel", trace_lumina_2),
    denoiser("HunyuanImageTransformer2DModel", trace_hunyuan_image, 1),
    denoiser("StableCascadeUNet", trace_stable_cascade, 1),
    codec("AutoencoderKL", trace_kl_decode, trace_kl_encode, kl),
    codec("AutoencoderKLFlux2", trace_kl_flux_2_decode, trace_kl_flux_2_encode, kl_flux_2),
    codec("AutoencoderKLHunyuanImage", trace_hunyuan_image_decode, trace_hunyuan_image_encode, hunyuan_image),
    codec("PaellaVQModel", trace_paella_decode, trace_paella_encode, paella),
    codec("AutoencoderDC", trace_dc_decode, trace_dc_encode, deep_compression),
    codec("AutoencoderKLCogVideoX", trace_cogvideox_decode, trace_cogvideox_encode, cogvideox),
    codec("AutoencoderKLHunyuanVideo", trace_hunyuan_video_decode, trace_hunyuan_video_encode, hunyuan_video),
    codec("AutoencoderKLLTXVideo", trace_ltx_video_decode, trace_ltx_video_encode, ltx_video),
    codec("AutoencoderKLMochi", trace_mochi_decode, trace_mochi_encode, mochi),
    codec("AutoencoderKLAllegro", trace_allegro_decode, trace_allegro_encode, allegro),
    codec("AutoencoderKLHunyuanVideo15", trace_hunyuan_video_1_5_decode, trace_hunyuan_video_1_5_encode,
          hunyuan_video_1_5),
    codec("AutoencoderKLTemporalDecoder", trace_temporal_decoder_decode, trace_temporal_decoder_encode, kl),
    codec("AutoencoderKLWan", trace_wan_decode, trace_wan_encode, wan),
    codec("AutoencoderKLQwenImage", trace_wan_decode, trace_wan_encode, wan),
    encoder("CLIPTextModel", trace_clip_text),
    encoder("CLIPTextModelWithProjection", trace_clip_text_projected),
    encoder("T5EncoderModel", trace_t5),
    encoder("UMT5EncoderModel", trace_umt5),
    encoder("Qwen2_5_VLForConditionalGeneration", trace_llama_with_head),
    encoder("ChatGLMModel", trace_chatglm),
    encoder("Qwen3ForCausalLM", trace_qwen3),
    encoder("Qwen3Model", trace_qwen3),
    encoder("LlamaModel", trace_llama),
    encoder("LlamaForCausalLM", trace_llama_with_head),
    encoder("MistralForCausalLM", trace_llama_with_head),
    encoder("Mistral3ForConditionalGeneration", trace_llama_with_head),
    encoder("Gemma2Model", trace_gemma2),
    encoder("Gemma2ForCausalLM", trace_gemma2),
    encoder("Gemma3ForConditionalGeneration", trace_gemma3),
    encoder("CLIPVisionModel", trace_clip_vision, Part::image_encoder),
    encoder("CLIPVisionModelWithProjection", trace_clip_vision_projected, Part::image_encoder),
    encoder("StableDiffusionSafetyChecker", trace_safety_checker, Part::safety_checker),
};

}  // namespace

const ModelClass* find_class(std::string_view name) {
  for (const ModelClass& known : kClasses) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

Part part_of(const Component& component) {
  if (const ModelClass* known = find_class(component.class_name)) return known->part;
  const std::string_view role = component.role;
  const auto starts = [&](std::string_view prefix) { return role.substr(0, prefix.size()) == prefix; };
  if (starts("text_encoder")) return Part::text_encoder;
  if (starts("image_encoder")) return Part::image_encoder;
  if (starts("unet") || starts("transformer") || starts("prior") || starts("decoder")) return Part::denoiser;
  if (starts("vae") || starts("vqgan") || starts("movq")) return Part::autoencoder;
  if (starts("safety_checker")) return Part::safety_checker;
  return Part::other;
}

}  // namespace vram::diffusion
