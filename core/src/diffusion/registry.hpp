// Classes whose forward pass is known. Internal to diffusion/.
#pragma once

#include "diffusion/models.hpp"

namespace vram::diffusion {

// How an autoencoder shrinks its pictures.
struct Compression {
  Size space = 8, time = 1;
  Size channels = 4;  // of the latents
};

struct ModelClass {
  std::string_view name;
  Part part = Part::other;
  Size patch = 1;  // denoisers: side of the square of latent pixels that is one token, when the config does not say
  void (*denoise)(Trace&, const Settings&, const DenoiseInput&) = nullptr;
  void (*decode)(Trace&, const Settings&, const CodecInput&) = nullptr;
  void (*encode)(Trace&, const Settings&, const CodecInput&) = nullptr;
  void (*text)(Trace&, const Settings&, const TextInput&) = nullptr;
  Compression (*compression)(const Settings&) = nullptr;
};

// nullptr when the class is unknown.
const ModelClass* find_class(std::string_view name);
// By class if known, else by role: "vae", "text_encoder_2", "transformer".
Part part_of(const Component& component);

}  // namespace vram::diffusion
