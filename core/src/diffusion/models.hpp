// The models whose forward pass is known, by the name of their class. One file each.
#pragma once

#include "diffusion/trace.hpp"

namespace vram::diffusion {

// What a denoiser is run on.
struct DenoiseInput {
  Size batch = 1;                          // of the pass: doubled where guidance doubles it
  Size images = 0;                         // of the batch; 0: as `batch`
  Size height = 0, width = 0, frames = 1;  // of the picture, in pixels
  Size latent_height = 0, latent_width = 0, latent_frames = 1;
  Size text_tokens = 77;
  Size input_images = 0;         // pictures whose tokens join the sequence
  bool token_timesteps = false;  // a timestep for every token
  DType dtype = DType::f16;
};

// What an autoencoder is run on.
struct CodecInput {
  Size batch = 1;
  Size latent_channels = 4;
  Size latent_height = 0, latent_width = 0, latent_frames = 1;
  Size height = 0, width = 0, frames = 1;
  DType dtype = DType::f16;
  bool tiling = false, slicing = false;
  Size tile = 0;  // side of a tile in pixels; 0: the class's own
};

struct TextInput {
  Size batch = 1;
  Size tokens = 77;
  DType dtype = DType::f16;
};

void trace_unet_2d(Trace&, const Settings&, const DenoiseInput&);
void trace_flux(Trace&, const Settings&, const DenoiseInput&);
void trace_cogvideox(Trace&, const Settings&, const DenoiseInput&);
void trace_wan(Trace&, const Settings&, const DenoiseInput&);
void trace_qwen_image(Trace&, const Settings&, const DenoiseInput&);
void trace_sd3(Trace&, const Settings&, const DenoiseInput&);
void trace_flux_2(Trace&, const Settings&, const DenoiseInput&);
void trace_z_image(Trace&, const Settings&, const DenoiseInput&);
void trace_pixart(Trace&, const Settings&, const DenoiseInput&);
void trace_sana(Trace&, const Settings&, const DenoiseInput&);
void trace_auraflow(Trace&, const Settings&, const DenoiseInput&);
void trace_chroma(Trace&, const Settings&, const DenoiseInput&);
void trace_lumina_2(Trace&, const Settings&, const DenoiseInput&);
void trace_hunyuan_image(Trace&, const Settings&, const DenoiseInput&);
void trace_stable_cascade(Trace&, const Settings&, const DenoiseInput&);
void trace_hunyuan_video(Trace&, const Settings&, const DenoiseInput&);
void trace_hunyuan_video_1_5(Trace&, const Settings&, const DenoiseInput&);
void trace_ltx_video(Trace&, const Settings&, const DenoiseInput&);
void trace_mochi(Trace&, const Settings&, const DenoiseInput&);
void trace_allegro(Trace&, const Settings&, const DenoiseInput&);
void trace_unet_spatio_temporal(Trace&, const Settings&, const DenoiseInput&);

void trace_kl_decode(Trace&, const Settings&, const CodecInput&);
void trace_kl_encode(Trace&, const Settings&, const CodecInput&);

void trace_kl_flux_2_decode(Trace&, const Settings&, const CodecInput&);
void trace_kl_flux_2_encode(Trace&, const Settings&, const CodecInput&);
void trace_hunyuan_image_decode(Trace&, const Settings&, const CodecInput&);
void trace_hunyuan_image_encode(Trace&, const Settings&, const CodecInput&);
void trace_paella_decode(Trace&, const Settings&, const CodecInput&);
void trace_paella_encode(Trace&, const Settings&, const CodecInput&);
void trace_dc_decode(Trace&, const Settings&, const CodecInput&);
void trace_dc_encode(Trace&, const Settings&, const CodecInput&);

void trace_cogvideox_decode(Trace&, const Settings&, const CodecInput&);
void trace_cogvideox_encode(Trace&, const Settings&, const CodecInput&);
void trace_wan_decode(Trace&, const Settings&, const CodecInput&);
void trace_wan_encode(Trace&, const Settings&, const CodecInput&);
void trace_qwen_image_decode_diffsynth(Trace&, const Settings&, const CodecInput&);
void trace_hunyuan_video_decode(Trace&, const Settings&, const CodecInput&);
void trace_hunyuan_video_encode(Trace&, const Settings&, const CodecInput&);
void trace_hunyuan_video_1_5_decode(Trace&, const Settings&, const CodecInput&);
void trace_hunyuan_video_1_5_encode(Trace&, const Settings&, const CodecInput&);
void trace_ltx_video_decode(Trace&, const Settings&, const CodecInput&);
void trace_ltx_video_encode(Trace&, const Settings&, const CodecInput&);
void trace_mochi_decode(Trace&, const Settings&, const CodecInput&);
void trace_mochi_encode(Trace&, const Settings&, const CodecInput&);
void trace_allegro_decode(Trace&, const Settings&, const CodecInput&);
void trace_allegro_encode(Trace&, const Settings&, const CodecInput&);
void trace_temporal_decoder_decode(Trace&, const Settings&, const CodecInput&);
void trace_temporal_decoder_encode(Trace&, const Settings&, const CodecInput&);

void trace_clip_text(Trace&, const Settings&, const TextInput&);
void trace_clip_text_projected(Trace&, const Settings&, const TextInput&);
void trace_llama(Trace&, const Settings&, const TextInput&);
void trace_llama_with_head(Trace&, const Settings&, const TextInput&);
void trace_chatglm(Trace&, const Settings&, const TextInput&);
void trace_qwen3(Trace&, const Settings&, const TextInput&);
void trace_gemma2(Trace&, const Settings&, const TextInput&);
void trace_gemma3(Trace&, const Settings&, const TextInput&);
void trace_clip_vision(Trace&, const Settings&, const TextInput&);
void trace_clip_vision_projected(Trace&, const Settings&, const TextInput&);
void trace_safety_checker(Trace&, const Settings&, const TextInput&);
void trace_t5(Trace&, const Settings&, const TextInput&);
void trace_umt5(Trace&, const Settings&, const TextInput&);

}  // namespace vram::diffusion
